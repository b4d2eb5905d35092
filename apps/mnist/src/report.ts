/** A digit in half-block characters, two rows of pixels a line; `pixels` are `[28, 28]` bytes. */
function drawDigit(pixels: Uint8Array): string[] {
  const side = Math.sqrt(pixels.length);
  const lines: string[] = [];
  for (let row = 0; row < side; row += 2) {
    let line = "";
    for (let column = 0; column < side; column++) {
      const top = pixels[row * side + column] > 127;
      const bottom = pixels[(row + 1) * side + column] > 127;
      line += top ? (bottom ? "█" : "▀") : bottom ? "▄" : " ";
    }
    lines.push(line);
  }
  return lines;
}

/** A digit with the prediction under it. */
export interface Example {
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly prediction: number;
}

/** Digits side by side, as many as fit the width, each with its prediction; wrong ones say what they are. */
export function drawExamples(examples: readonly Example[], width: number): string {
  const shown = examples.slice(0, Math.max(1, Math.floor(width / 30)));
  const pictures = shown.map(({ pixels }) => drawDigit(pixels));
  const rows = pictures[0].map((_, i) => pictures.map((picture) => picture[i]).join("  "));
  const captions = shown.map(({ label, prediction }) => caption(label, prediction).padEnd(28)).join("  ");
  return [...rows, captions].join("\n");
}

function caption(label: number, prediction: number): string {
  return label === prediction ? `    predicted ${prediction}` : `    predicted ${prediction}, is a ${label}`;
}

/** Counts of labels (rows) by predictions (columns), with the accuracy of each label. */
export function confusionTable(confusion: readonly (readonly number[])[]): string {
  const width = Math.max(4, ...confusion.flat().map((n) => String(n).length)) + 1;
  const cell = (x: number | string): string => String(x).padStart(width);
  const head = `label${confusion.map((_, i) => cell(i)).join("")}   right`;
  const rows = confusion.map((row, label) => {
    const total = row.reduce((a, b) => a + b, 0);
    const share = total === 0 ? "    -" : `${((100 * row[label]) / total).toFixed(1)}%`.padStart(6);
    return `${String(label).padStart(5)}${row.map((n) => cell(n === 0 ? "·" : n)).join("")}  ${share}`;
  });
  return [head, ...rows].join("\n");
}
