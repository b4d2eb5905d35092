/**
 * Strided copies of three-dimensional blocks: into padded planes, and out of and into every s-th element.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { I32, type ModuleBuilder, type Operand } from "./asm.js";

/**
 * Emits `copyBlock(planes, rows, count, source, sourcePlane, sourceRow, sourceStep, target, targetPlane, targetRow, targetStep)` for
 * float32; strides are in bytes.
 */
export function emitCopyBlock(module: ModuleBuilder): void {
  const f = module.function("copyBlock", 11);
  const [planes, rows, count, source, sourcePlane, sourceRow, sourceStep, target, targetPlane, targetRow, targetStep] = f.params;
  const [plane, row, i, whole, fromRow, toRow, from, to] = f.locals(I32, 8);
  const { and, eq, lit } = arithmetic(f);
  const scalars = (fromStep: Operand, toStep: Operand): void => {
    f.forRange(i, count, 1, () =>
      f
        .store("f32.store", to, () => f.load("f32.load", from))
        .addTo(from, fromStep)
        .addTo(to, toStep),
    );
  };
  const contiguous = (): void => {
    f.forRange(i, whole, 4, () =>
      f
        .store("v128.store", to, () => f.load("v128.load", from))
        .inc(from, 16)
        .inc(to, 16),
    );
    scalars(lit(4), lit(4));
  };
  f.assign(whole, and(count, lit(-4)));
  f.forRange(plane, planes, 1, () => {
    f.assign(fromRow, source).assign(toRow, target).assign(row, lit(0));
    f.forRange(row, rows, 1, () => {
      f.assign(from, fromRow).assign(to, toRow).assign(i, lit(0));
      f.push(and(eq(sourceStep, lit(4)), eq(targetStep, lit(4)))).if(contiguous, () => scalars(sourceStep, targetStep));
      f.addTo(fromRow, sourceRow).addTo(toRow, targetRow);
    });
    f.addTo(source, sourcePlane).addTo(target, targetPlane);
  });
}
