import type { Locator } from "playwright";
import { AppPage, Visit } from "../../page/test/visit.js";

/** A visitor who measures. */
export class Measuring extends Visit {
  choice(name: string): Locator {
    return this.page.getByRole("checkbox", { name, exact: true });
  }

  /** Measures until the end. */
  async measure(): Promise<void> {
    await this.button("Measure").click();
    await this.done();
  }

  /** Waits for the end of a run. */
  async done(): Promise<void> {
    await this.page.locator("[data-phase=ready]").filter({ hasText: "Done" }).waitFor({ timeout: 100_000 });
  }

  /** What the bars of each case say. */
  bars(): Promise<string[]> {
    return this.page.getByRole("img").evaluateAll((charts) => charts.map((chart) => chart.getAttribute("aria-label") ?? ""));
  }
}

/** The page of the app. */
export const pageOfApp = (): AppPage<Measuring> => new AppPage("bench", Measuring);
