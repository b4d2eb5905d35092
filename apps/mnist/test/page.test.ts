import { readFileSync } from "node:fs";
import { decodeSafetensors } from "sconce/io";
import { describe, expect, it } from "vitest";
import { devices } from "../../page/test/visit.js";
import { digits, pageOfApp } from "./page.js";
import { longTasks } from "./tasks.js";

const app = pageOfApp();

describe("training", () => {
  it("learns on the CPU, tests itself, and reads what is drawn with the mouse", async () => {
    const visit = await app.open("device=cpu&model=mlp&images=6000&epochs=3");
    expect(await visit.page.evaluate(() => crossOriginIsolated)).toBe(true);
    await visit.train();
    expect(await visit.figure("Test accuracy")).toBeGreaterThan(90);
    for (const digit of [0, 1, 7]) {
      await visit.draw(...digits[digit]);
      await expect.poll(() => visit.guess()).toBe(digit);
    }
    expect(await visit.page.locator(".confusion tbody tr").count()).toBe(10);
    expect(await visit.page.locator(".filters li").count()).toBe(32);
    await visit.pictures("trained");
    await visit.page.getByRole("checkbox", { name: "Mistakes only" }).check();
    expect(await visit.page.locator(".digit:not(.wrong)").count()).toBe(0);
    expect(await visit.page.locator(".digit.wrong").count()).toBeGreaterThan(20);
    await visit.close();
  });

  it.each([
    ["WebGPU", "webgpu"],
    ["WebGL", "webgl"],
  ])("learns on %s", async (title, device) => {
    const visit = await app.open(`device=${device}&model=mlp&images=1000&epochs=3&batch=50&lr=0.003`);
    expect(await visit.backend(title).isChecked()).toBe(true);
    await visit.train();
    expect(await visit.figure("Test accuracy")).toBeGreaterThan(80);
    await visit.close();
  });

  it("goes on with weights and optimizer state when the backend is swapped in mid-training", async () => {
    const visit = await app.open("device=cpu&model=mlp&images=2000&epochs=3&batch=50");
    await visit.button("Start training").click();
    await visit.trainedOn(500);
    await visit.backend("WebGPU").check();
    await visit.notice("Weights and optimizer state are now on WebGPU").waitFor();
    const seen = await visit.trained();
    await visit.trainedOn(seen + 300);
    await visit.backend("WebGL").check();
    await visit.notice("Weights and optimizer state are now on WebGL").waitFor();
    await visit.trainedOn((await visit.trained()) + 300);
    await visit.backend("CPU").check();
    await visit.notice("Weights and optimizer state are now on CPU").waitFor();
    await visit.end();
    expect(await visit.trained()).toBe(6000);
    expect(await visit.figure("Test accuracy")).toBeGreaterThan(82);
    await visit.close();
  });

  it("pauses, survives a reload, resumes where it was, stops and starts over", async () => {
    const visit = await app.open("device=cpu&model=mlp&images=6000&epochs=2");
    await visit.button("Start training").click();
    await visit.trainedOn(1000);
    await visit.button("Pause").click();
    await visit.phase("paused");
    const [seen, loss] = [await visit.trained(), await visit.figure("Loss")];
    await visit.page.reload();
    await visit.phase("paused");
    expect([await visit.trained(), await visit.figure("Loss")]).toEqual([seen, loss]);
    await visit.button("Resume").click();
    await visit.trainedOn(seen + 500);
    await visit.button("Stop").click();
    await visit.end();
    expect(await visit.trained()).toBeGreaterThan(seen);
    expect(await visit.figure("Test accuracy")).toBeGreaterThan(50);
    await visit.button("Reset").click();
    await expect.poll(() => visit.trained()).toBe(0);
    expect(await visit.page.locator(".confusion").count()).toBe(0);
    await visit.close();
  });

  it("leaves the page's own thread free: no task takes 50 ms of it", async () => {
    const context = await app.browser.newContext();
    const page = await context.newPage();
    const long = await longTasks(app.browser, page, 50, async () => {
      await page.goto(`${app.url}#device=cpu&model=mlp&images=6000&epochs=2`);
      await page.locator("[data-phase=ready]").waitFor();
      await page.getByRole("button", { name: "Start training" }).click();
      const box = (await page.locator(".paper").boundingBox())!;
      await page.mouse.move(box.x + 60, box.y + 60);
      await page.mouse.down();
      for (let i = 0; i < 40; i++) await page.mouse.move(box.x + 60 + 4 * i, box.y + 60 + 4 * i);
      await page.mouse.up();
      await page.locator("[data-phase=ready]").filter({ hasText: "Trained:" }).waitFor();
    });
    await context.close();
    expect(long).toEqual([]);
  });
});

describe("weights", () => {
  it("come as a safetensors file with the names of PyTorch, and can be brought back", async () => {
    const visit = await app.open("device=cpu&model=mlp&images=1000&epochs=2");
    await visit.train();
    const accuracy = await visit.figure("Test accuracy");
    const { name, path } = await visit.download("Download weights");
    expect(name).toBe("mnist-mlp.safetensors");
    const { tensors } = decodeSafetensors(readFileSync(path));
    expect([...tensors].map(([name, { shape }]) => `${name} [${shape}]`).sort()).toEqual([
      "1.bias [256]",
      "1.weight [256,784]",
      "3.bias [128]",
      "3.weight [128,256]",
      "5.bias [10]",
      "5.weight [10,128]",
    ]);
    await visit.page.getByLabel("Model").selectOption("lenet");
    await expect.poll(() => visit.trained()).toBe(0);
    await visit.page.getByLabel("Upload weights").setInputFiles(path);
    await visit.notice(/are loaded into MLP/).waitFor();
    await expect.poll(() => visit.figure("Test accuracy")).toBe(accuracy);
    expect(await visit.page.getByLabel("Model").inputValue()).toBe("mlp");
    await visit.close();
  });

  it("that are none are refused in words", async () => {
    const visit = await app.open("device=cpu&model=mlp&images=1000");
    const upload = (buffer: Buffer): Promise<void> =>
      visit.page.getByLabel("Upload weights").setInputFiles({ name: "holiday.jpg", mimeType: "image/jpeg", buffer });
    await upload(Buffer.from("this is no file of weights, whatever its name"));
    await visit.notice("holiday.jpg cannot be used").waitFor();
    const header = Buffer.from('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ');
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    await upload(Buffer.concat([size, header, Buffer.alloc(4)]));
    await visit.notice("its tensors fit none of the models here").waitFor();
    await visit.phase("ready");
    expect(visit.complaints.splice(0).length).toBe(2);
    await visit.close();
  });
});

describe("the page", () => {
  it.each(devices)("is accessible and fits on a %s", async (device, options) => {
    const visit = await app.open("device=cpu&model=cnn&images=1000", options);
    if (device === "phone") await visit.touch(digits[7][0]);
    else await visit.button("Take a test digit").click();
    await visit.guess();
    if (device === "phone") await visit.page.locator("summary").filter({ hasText: "CPU (WebAssembly) · CNN" }).click();
    expect(await visit.page.getByLabel("Model").isVisible()).toBe(true);
    await visit.pictures(device);
    await visit.close();
  });

  it("can be used with the keyboard alone", async () => {
    const visit = await app.open("device=cpu&model=mlp&images=6000&epochs=2");
    const { keyboard } = visit.page;
    await visit.reach("button.primary");
    await keyboard.press("Enter");
    await visit.end();
    await visit.reach(".paper");
    await keyboard.press("Space");
    for (let i = 0; i < 11; i++) await keyboard.press("ArrowDown");
    await keyboard.press("Space");
    await expect.poll(() => visit.guess()).toBe(1);
    await keyboard.press("Delete");
    await visit.page.getByText("Draw here").waitFor();
    await visit.close();
  });

  it("takes its settings from the link, keeps them there, and says what it cannot take", async () => {
    const visit = await app.open("device=cpu&model=lenet&optimizer=sgd&batch=48&images=1000&epochs=banana");
    await visit.notice("The link asks for the epochs “banana”").waitFor();
    expect(await visit.page.getByLabel("Model").inputValue()).toBe("lenet");
    expect(await visit.page.getByLabel("Learning rate").inputValue()).toBe("0.01");
    expect(await visit.page.getByLabel("Batch size").inputValue()).toBe("48");
    await visit.page.getByLabel("Optimizer").selectOption("adamw");
    await visit.page.getByLabel("Learning rate").fill("much");
    await visit.page.keyboard.press("Tab");
    await visit.notice("“much” cannot be the learning rate").waitFor();
    const hash = new URLSearchParams(await visit.page.evaluate(() => location.hash.slice(1)));
    expect(Object.fromEntries(hash)).toMatchObject({ model: "lenet", optimizer: "adamw", lr: "0.001", batch: "48", epochs: "1" });
    await visit.close();
  });

  it("says why a backend is missing, and works on one thread without cross-origin isolation", async () => {
    await app.openPlain("device=webgpu&model=mlp&images=1000", async (visit) => {
      await visit.notice("The CPU stands in").waitFor();
      expect(await visit.backend("WebGPU").isDisabled()).toBe(true);
      await visit.train();
      expect(await visit.figure("Test accuracy")).toBeGreaterThan(50);
    });
  });

  it("says that the learning rate is too high when the loss is lost", async () => {
    const visit = await app.open("device=cpu&model=mlp&optimizer=sgd&lr=10&images=6000");
    await visit.button("Start training").click();
    await visit.notice("The loss is no longer a number: the learning rate is too high").waitFor();
    await visit.phase("paused");
    await visit.button("Reset").click();
    await visit.phase("ready");
    await visit.button("Take a test digit").click();
    expect(await visit.guess()).toBeGreaterThanOrEqual(0);
    await visit.close();
  });

  it("goes on on the CPU when the GPU is lost", async () => {
    const visit = await app.open("device=webgpu&model=mlp&images=1000&epochs=4&batch=50");
    const worker = visit.page.workers().find((w) => w.url().includes("worker"))!;
    await worker.evaluate(() => {
      const { prototype } = (
        globalThis as unknown as { GPUDevice: { prototype: { createCommandEncoder: () => unknown; destroy(): void } } }
      ).GPUDevice;
      const { createCommandEncoder } = prototype;
      prototype.createCommandEncoder = function (this: typeof prototype, ...args) {
        prototype.createCommandEncoder = createCommandEncoder;
        setTimeout(() => this.destroy(), 300);
        return createCommandEncoder.apply(this, args);
      };
    });
    await visit.button("Start training").click();
    await visit.notice("WebGPU was lost. The CPU goes on").waitFor();
    await visit.end();
    expect(await visit.backend("CPU").isChecked()).toBe(true);
    expect(await visit.figure("Test accuracy")).toBeGreaterThan(70);
    visit.complaints.splice(0);
    await visit.close();
  });
});
