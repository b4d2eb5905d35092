import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { devices } from "../../page/test/visit.js";
import { type BenchReport, validate } from "../src/format.js";
import { type Measuring, pageOfApp } from "./page.js";

const app = pageOfApp();

const reportOf = async (visit: Measuring): Promise<BenchReport> =>
  validate(JSON.parse(readFileSync((await visit.download("Download JSON")).path, "utf8")));

describe("a run", () => {
  it("measures two suites on the CPU and WebGPU, draws them, and hands them over as JSON and CSV", async () => {
    const visit = await app.open("suites=dispatch,two-layer&devices=cpu,webgpu&peers=&threads=1,2&budget=20");
    expect(await visit.page.evaluate(() => crossOriginIsolated)).toBe(true);
    await visit.measure();
    const { results, missing, machine } = await reportOf(visit);
    expect(missing).toEqual([]);
    expect(machine.runtime).toMatch(/Chrom/);
    expect(new Set(results.map(({ suite, device, threads }) => `${suite} ${device} ${threads}`))).toEqual(
      new Set(["dispatch", "two-layer"].flatMap((suite) => ["cpu 1", "cpu 2", "webgpu 1"].map((place) => `${suite} ${place}`))),
    );
    const bars = await visit.bars();
    expect(bars.map((text) => text.split(". ")[0]).sort()).toEqual([...new Set(results.map((result) => result.case))].sort());
    for (const text of bars) expect(text).toMatch(/Sconce, CPU, 1 thread: .*; Sconce, CPU, 2 threads: .*; Sconce, WebGPU: /);
    const { name, path } = await visit.download("Download CSV");
    expect(name).toMatch(/^sconce-bench-[\d-]+\.csv$/);
    expect(readFileSync(path, "utf8").trimEnd().split("\r\n").length).toBe(results.length + 1);
    expect(await visit.violations()).toEqual([]);
    await visit.close();
  });

  it("paints bars in the colour of Sconce", async () => {
    const visit = await app.open("suites=two-layer&devices=cpu&peers=&threads=1&budget=20");
    await visit.measure();
    const painted = await visit.page
      .locator(".chart canvas")
      .first()
      .evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        const isAccent = (i: number): boolean => data[i] === 0xc2 && data[i + 1] === 0x41 && data[i + 2] === 0x0c;
        return Array.from({ length: data.length / 4 }, (_, i) => 4 * i).filter(isAccent).length;
      });
    expect(painted).toBeGreaterThan(500);
    await visit.close();
  });

  it("can be stopped at once, and keeps what it has", async () => {
    const visit = await app.open("suites=matmul,dispatch,cnn&devices=cpu&peers=&threads=1&budget=60000");
    await visit.button("Measure").click();
    await visit.page.locator(".suite").first().waitFor();
    await visit.button("Stop").click();
    await visit.page.locator("[data-phase=ready]").filter({ hasText: "Stopped after 0 of 3" }).waitFor({ timeout: 10_000 });
    expect((await reportOf(visit)).results.length).toBeGreaterThan(0);
    await visit.close();
  });

  it("says what other libraries cannot do, and goes on", async () => {
    const visit = await app.open("suites=dispatch&devices=cpu&peers=tfjs&threads=1&budget=20");
    await visit.measure();
    await visit.page.getByText("Not measured: 1").click();
    await visit.page.getByText("TensorFlow.js, Small operations: records no gradients outside of grad()").waitFor();
    const { results, versions } = await reportOf(visit);
    const peers = results.filter(({ runner }) => runner === "tfjs");
    expect(peers.length).toBe(2);
    for (const { ratio } of peers) expect(ratio?.median).toBeGreaterThan(0);
    expect(versions.tfjs).toMatch(/^\d+\.\d+\.\d+$/);
    await visit.close();
  });
});

describe("the page", () => {
  it.each(devices)("is accessible and fits on a %s", async (device, options) => {
    const visit = await app.open("suites=two-layer&devices=cpu&peers=tfjs&threads=1,2&budget=20", options);
    await visit.measure();
    await visit.page.getByText("Figures").first().click();
    if (device === "phone") await visit.page.getByText("What to measure").click();
    await visit.choice("WebGPU").waitFor();
    await visit.pictures(device);
    await visit.close();
  });

  it("can be used with the keyboard alone", async () => {
    const visit = await app.open("suites=two-layer&devices=cpu&peers=&threads=1&budget=20");
    const { keyboard } = visit.page;
    await visit.reach("input[name=webgl]");
    await keyboard.press("Space");
    expect(await visit.choice("WebGL").isChecked()).toBe(true);
    await keyboard.press("Space");
    await visit.reach("button.primary");
    await keyboard.press("Enter");
    await visit.done();
    await visit.reach(".suite summary");
    await keyboard.press("Enter");
    await visit.page.getByRole("columnheader", { name: "Median" }).waitFor();
    await visit.close();
  });

  it("takes its settings from the link, keeps them there, and says what it cannot take", async () => {
    const visit = await app.open("suites=mlp,teapot&devices=cpu&threads=1&budget=200");
    await visit.notice("The link asks for the suite “teapot”").waitFor();
    expect(await visit.choice("MLP").isChecked()).toBe(true);
    expect(await visit.choice("CNN").isChecked()).toBe(false);
    await visit.choice("CNN").check();
    await visit.page.getByLabel("Time").selectOption("4000");
    const hash = "#suites=mlp,cnn&devices=cpu&peers=&threads=1&budget=4000";
    await expect.poll(() => visit.page.evaluate(() => location.hash)).toBe(hash);
    await visit.button("Dismiss: The link asks for the suite “teapot”, which this page does not have.").click();
    expect(await visit.notice("teapot").count()).toBe(0);
    await visit.close();
  });

  it("says why a backend is missing, and works on one thread without cross-origin isolation", async () => {
    await app.openPlain("suites=two-layer&devices=cpu,webgpu&peers=&threads=&budget=20", async (visit) => {
      expect(await visit.choice("WebGPU").isDisabled()).toBe(true);
      await visit.measure();
      for (const text of await visit.bars()) expect(text).toContain("Sconce, CPU, 1 thread");
    });
  });
});
