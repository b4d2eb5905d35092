/** A point on a line: step size, loss and the slope along the line there, with whatever belongs to it. */
export interface LinePoint<T> {
  readonly t: number;
  readonly loss: number;
  readonly slope: number;
  readonly at: T;
}

/** Options of {@link strongWolfe}. */
export interface LineSearchOptions {
  /** Largest absolute value in the direction. */
  readonly directionNorm: number;
  /** Bracket, in terms of the largest change, that is not worth dividing. */
  readonly toleranceChange: number;
  /** Rounds to the dtype of the parameters: near the minimum the conditions hold or not by the last bit. */
  readonly round: (x: number) => number;
}

/** Sufficient decrease, curvature, and number of evaluations. */
const C1 = 1e-4;
const C2 = 0.9;
const MAX_EVALUATIONS = 25;

/** Evaluates the line at a step size; a generator, so that a device can be waited for. */
type Evaluate<T, Y, R> = (t: number) => Generator<Y, LinePoint<T>, R>;

/**
 * A step size that satisfies the strong Wolfe conditions, by cubic interpolation.
 * Source: Nocedal and Wright, "Numerical Optimization", algorithm 3.5, as in torch.optim.LBFGS.
 */
export function* strongWolfe<T, Y, R>(
  evaluate: Evaluate<T, Y, R>,
  start: LinePoint<T>,
  first: number,
  options: LineSearchOptions,
): Generator<Y, { readonly point: LinePoint<T>; readonly evaluations: number }, R> {
  let previous = start;
  let point = yield* evaluate(first);
  let evaluations = 0;
  while (evaluations < MAX_EVALUATIONS) {
    const rises = isTooHigh(point, start, options) || (evaluations > 1 && point.loss >= previous.loss);
    if (!rises && isFlat(point, start, options)) return { point, evaluations: evaluations + 1 };
    if (rises || point.slope >= 0) return yield* zoom(evaluate, start, [previous, point], evaluations, options);
    const t = interpolate(previous, point, point.t + 0.01 * (point.t - previous.t), point.t * 10, options);
    previous = point;
    point = yield* evaluate(t);
    evaluations++;
  }
  const best = start.loss <= point.loss ? start : point;
  return { point: best, evaluations: evaluations + 1 };
}

/** Divides a bracket around a good point until it is found. */
function* zoom<T, Y, R>(
  evaluate: Evaluate<T, Y, R>,
  start: LinePoint<T>,
  bracket: [LinePoint<T>, LinePoint<T>],
  before: number,
  options: LineSearchOptions,
): Generator<Y, { readonly point: LinePoint<T>; readonly evaluations: number }, R> {
  const { directionNorm, toleranceChange } = options;
  let evaluations = before;
  let stuck = false;
  let low = bracket[0].loss <= bracket[1].loss ? 0 : 1;
  while (evaluations < MAX_EVALUATIONS && Math.abs(bracket[1].t - bracket[0].t) * directionNorm >= toleranceChange) {
    const trial: Trial = trialStep(bracket, stuck, options);
    stuck = trial.stuck;
    const point = yield* evaluate(trial.t);
    evaluations++;
    const high = 1 - low;
    if (isTooHigh(point, start, options) || point.loss >= bracket[low].loss) {
      bracket[high] = point;
      low = bracket[0].loss <= bracket[1].loss ? 0 : 1;
      continue;
    }
    const found = isFlat(point, start, options);
    if (!found && point.slope * (bracket[high].t - bracket[low].t) >= 0) bracket[high] = bracket[low];
    bracket[low] = point;
    if (found) break;
  }
  return { point: bracket[low], evaluations: evaluations + 1 };
}

/** Where to look next, and whether that is too near an end. */
interface Trial {
  readonly t: number;
  readonly stuck: boolean;
}

/** Where to look in a bracket: the cubic's minimum, kept off the ends where it makes no progress. */
function trialStep<T>(bracket: readonly [LinePoint<T>, LinePoint<T>], stuck: boolean, options: LineSearchOptions): Trial {
  const [a, b] = bracket;
  const [low, high] = [Math.min(a.t, b.t), Math.max(a.t, b.t)];
  const t = interpolate(a, b, low, high, options);
  const margin = 0.1 * (high - low);
  if (Math.min(high - t, t - low) >= margin) return { t, stuck: false };
  if (!stuck && t < high && t > low) return { t, stuck: true };
  return { t: Math.abs(t - high) < Math.abs(t - low) ? high - margin : low + margin, stuck: false };
}

/** True if the loss has not decreased enough. */
function isTooHigh<T>(point: LinePoint<T>, start: LinePoint<T>, { round }: LineSearchOptions): boolean {
  return point.loss > round(start.loss + round(round(C1 * point.t) * start.slope));
}

/** True if the slope has flattened enough. */
function isFlat<T>(point: LinePoint<T>, start: LinePoint<T>, { round }: LineSearchOptions): boolean {
  return Math.abs(point.slope) <= round(-C2 * start.slope);
}

/** Minimum, within bounds, of the cubic through two points with their slopes. */
function interpolate<T>(a: LinePoint<T>, b: LinePoint<T>, low: number, high: number, { round }: LineSearchOptions): number {
  const d1 = round(round(a.slope + b.slope) - round((3 * (a.loss - b.loss)) / (a.t - b.t)));
  const square = round(round(d1 ** 2) - round(a.slope * b.slope));
  if (!(square >= 0)) return (low + high) / 2;
  const d2 = round(Math.sqrt(square));
  const [near, far] = a.t <= b.t ? [a, b] : [b, a];
  const share = round(round(round(far.slope + d2) - d1) / round(round(far.slope - near.slope) + round(2 * d2)));
  const t = round(far.t - round((far.t - near.t) * share));
  return Math.min(Math.max(t, low), high);
}
