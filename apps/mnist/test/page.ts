import type { Locator } from "playwright";
import { expect } from "vitest";
import { AppPage, Visit } from "../../page/test/visit.js";

/** A visitor who trains and draws. */
class Training extends Visit {
  backend(name: string): Locator {
    return this.page.getByRole("radio", { name });
  }

  /** Trains until the end. */
  async train(): Promise<void> {
    await this.button("Start training").click();
    await this.end();
  }

  /** Waits for the end of the training and its test. A short one is over before anybody could see it run. */
  async end(): Promise<void> {
    await this.page.locator("[data-phase=ready]").filter({ hasText: "Trained:" }).waitFor({ timeout: 60_000 });
  }

  /** A figure of the training, as a number. */
  async figure(label: string): Promise<number> {
    const text = (await this.page.locator(`dt:text-is("${label}") + dd`).textContent()) ?? "";
    return Number.parseFloat(text.replace(/,/g, ""));
  }

  /** Images that were trained on so far, in all epochs. */
  async trained(): Promise<number> {
    return Number(await this.page.locator("[data-trained]").getAttribute("data-trained"));
  }

  /** Waits until that many images were trained on. */
  async trainedOn(images: number): Promise<void> {
    await expect.poll(() => this.trained(), { timeout: 60_000 }).toBeGreaterThanOrEqual(images);
  }

  /** Draws strokes with the mouse, in shares of the pad. */
  async draw(...strokes: readonly (readonly (readonly [x: number, y: number])[])[]): Promise<void> {
    const pad = this.page.getByRole("application", { name: "Drawing pad" });
    await this.button("Clear").click();
    await pad.scrollIntoViewIfNeeded();
    const box = (await pad.boundingBox())!;
    for (const stroke of strokes) {
      for (const [i, [x, y]] of stroke.entries()) {
        await this.page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: i === 0 ? 1 : 6 });
        if (i === 0) await this.page.mouse.down();
      }
      await this.page.mouse.up();
    }
  }

  /** Draws a stroke with a finger. */
  async touch(stroke: readonly (readonly [x: number, y: number])[]): Promise<void> {
    const pad = this.page.getByRole("application", { name: "Drawing pad" });
    await pad.scrollIntoViewIfNeeded();
    const box = (await pad.boundingBox())!;
    const device = await this.page.context().newCDPSession(this.page);
    for (const [i, [x, y]] of stroke.entries()) {
      const touchPoints = [{ x: box.x + x * box.width, y: box.y + y * box.height }];
      await device.send("Input.dispatchTouchEvent", { type: i === 0 ? "touchStart" : "touchMove", touchPoints });
    }
    await device.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  }

  /** The digit that the drawing is read as, once the answer is there. */
  async guess(): Promise<number> {
    // What is spoken waits until the answers have settled.
    const spoken = this.page.getByRole("status").filter({ hasText: "Looks like" });
    await spoken.waitFor({ state: "attached" });
    return Number((await spoken.textContent())?.match(/a (\d),/)?.[1]);
  }
}

/** The page of the app. */
export const pageOfApp = (): AppPage<Training> => new AppPage("mnist", Training);

/** Strokes of digits, as people write them. */
export const digits: { readonly [digit: number]: readonly (readonly (readonly [x: number, y: number])[])[] } = {
  0: [Array.from({ length: 25 }, (_, i) => [0.5 + 0.2 * Math.sin((i * Math.PI) / 12), 0.5 - 0.3 * Math.cos((i * Math.PI) / 12)] as const)],
  1: [
    [
      [0.52, 0.2],
      [0.48, 0.8],
    ],
  ],
  7: [
    [
      [0.3, 0.22],
      [0.68, 0.22],
      [0.44, 0.82],
    ],
  ],
};
