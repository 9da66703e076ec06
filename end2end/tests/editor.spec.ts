// The workflow editor: drawing by mouse and by keyboard, saving, conflicts, and what 1,000 steps cost.
import { expect, test } from "../support/test";
import { choose, draft, drag, makeWorkflow, middle, saved, step } from "../support/workflows";

test("a workflow is drawn with the mouse and saved by itself", async ({ page, open, server }) => {
  const id = await makeWorkflow(server, "Drawn");
  await open(`/workflows/${id}`);
  const trigger = page.locator('[data-kind="trigger"]');
  await expect(trigger).toBeVisible();

  // A wire let go over nothing offers the palette; what is chosen is connected.
  const port = await middle(trigger.locator('[data-port="success"]'));
  await drag(page, port, { x: port.x + 130, y: port.y + 10 });
  await choose(page, "Send email");
  await expect(page.locator('[data-kind="action"]')).toBeVisible();
  const mail = page.locator('[data-kind="action"]');
  await page.getByLabel("To", { exact: true }).fill("{{input.email}}");
  await page.getByLabel("Subject").first().fill("Hello");

  // An end from the palette, connected by dragging from port to step.
  await page.keyboard.press("Escape");
  const free = await middle(mail);
  await page.mouse.dblclick(free.x, free.y + 170);
  await choose(page, "End");
  const end = page.locator('[data-kind="end"]');
  await drag(page, await middle(mail.locator('[data-port="success"]')), await middle(end));
  await expect(page.locator("[data-edge]")).toHaveCount(2);

  await saved(page);
  const graph = await draft(server, id);
  expect(graph.nodes).toHaveLength(3);
  expect(graph.edges.map((edge) => edge.port)).toEqual(["success", "success"]);
  const action = graph.nodes.find((node) => node.kind.type === "action");
  expect(action?.kind.parameters).toMatchObject({ to: "{{input.email}}", subject: "Hello" });
});

test("what may not be connected says why, and Escape takes a gesture back", async ({ page, open, server }) => {
  const id = await makeWorkflow(server, "Refused");
  await open(`/workflows/${id}`);
  await page.getByRole("application").focus();
  await page.keyboard.press("/");
  await choose(page, "Condition");
  await saved(page);
  const before = await draft(server, id);

  const from = await middle(page.locator('[data-kind="condition"] [data-port="true"]'));
  const to = await middle(page.locator('[data-kind="trigger"]'));
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 8 });
  await expect(page.getByTestId("connect-reason")).toContainText("starts the run: nothing can lead into it");
  await page.mouse.up();
  await expect(page.getByTestId("connect-reason")).toBeHidden();

  // A drag that is aborted leaves everything where it was.
  const condition = page.locator('[data-kind="condition"]');
  const place = await middle(condition);
  await page.mouse.move(place.x, place.y);
  await page.mouse.down();
  await page.mouse.move(place.x + 120, place.y + 60, { steps: 6 });
  await page.keyboard.press("Escape");
  await page.mouse.up();
  expect(await middle(condition)).toEqual(place);
  expect(await draft(server, id)).toEqual(before);
});

test("a workflow is built by keyboard alone, undone and redone", async ({ page, open, server }) => {
  const id = await makeWorkflow(server, "By keyboard");
  await open(`/workflows/${id}`);
  await page.getByRole("application").focus();
  for (const name of ["Wait", "End"]) {
    await page.keyboard.press("/");
    await choose(page, name);
    await page.getByRole("application").focus();
  }
  await expect(page.locator("[data-edge]")).toHaveCount(2);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press(" ");
  await expect(page.locator('[data-kind="wait"]')).toHaveAttribute("data-selected", "");
  await page.keyboard.press("Delete");
  await expect(page.locator("[data-node]")).toHaveCount(2);
  await page.keyboard.press("Control+z");
  await expect(page.locator("[data-edge]")).toHaveCount(2);
  await page.keyboard.press("Control+y");
  await expect(page.locator("[data-node]")).toHaveCount(2);
  await page.keyboard.press("Control+z");
  await saved(page);
  expect((await draft(server, id)).edges).toHaveLength(2);
  await expect(page.getByTestId("canvas-live")).toContainText("Undone");
});

test("problems show while you type and go away", async ({ page, open, server }) => {
  const id = await makeWorkflow(server, "Problems");
  await open(`/workflows/${id}`);
  await page.getByRole("application").focus();
  await page.keyboard.press("/");
  await choose(page, "Condition");
  const badge = page.locator('[data-kind="condition"]').getByTestId("step-problems");
  await expect(badge).toBeVisible();
  const field = page.getByLabel("Condition (required)");
  await field.fill("1 +");
  await expect(page.locator("#condition-expression-about")).toContainText("line 1");
  await field.fill("{{nowhere.total}} > 3");
  await expect(badge).toBeVisible();
  await page.getByRole("application").focus();
  await page.keyboard.press("F8");
  await expect(page.getByTestId("canvas-live")).toContainText("Problem 1 of");
});

test("of two tabs the one that is late chooses, and loses nothing", async ({ page, open, context, consoleErrors, server }) => {
  const id = await makeWorkflow(server, "Two tabs");
  await open(`/workflows/${id}`);
  const name = page.getByLabel("Name of the workflow");
  await expect(name).toHaveValue("Two tabs");
  const other = await context.newPage();
  await other.goto(`/workflows/${id}`);
  await other.getByLabel("Name of the workflow").fill("Theirs");
  await expect(other.getByTestId("save-state")).toHaveText("Unsaved changes");
  await saved(other);
  await name.fill("Mine");
  await expect(page.getByTestId("save-state")).toHaveText("Changed by someone else");
  await expect(name).toHaveValue("Mine");
  await page.getByRole("button", { name: "Overwrite with mine" }).click();
  await saved(page);
  const answer = await server.api<{ workflow: { name: string } }>("GET", `/api/workflows/${id}`);
  expect(answer.workflow.name).toBe("Mine");
  // The browser itself reports the refused save, once.
  expect(consoleErrors.splice(0).filter((error) => !error.includes("409"))).toEqual([]);
});

test("zooming keeps what is under the cursor there, and ports stay large enough to hit", async ({ page, open, server }) => {
  await open("/workflows/new?fixture=40");
  const pane = page.getByRole("application");
  await expect(step(page, "n0")).toBeVisible();
  const place = await middle(pane);
  await page.mouse.move(place.x, place.y);
  const world = () =>
    page.evaluate((at) => {
      const layer = document.querySelector(".canvas-world") as HTMLElement;
      const corner = document.querySelector(".canvas-pane")!.getBoundingClientRect();
      const matrix = new DOMMatrix(getComputedStyle(layer).transform).inverse();
      const point = matrix.transformPoint({ x: at.x - corner.x, y: at.y - corner.y });
      return { x: point.x, y: point.y };
    }, place);
  const zoom = () =>
    page.evaluate(() => new DOMMatrix(getComputedStyle(document.querySelector(".canvas-world")!).transform).a);
  const before = await world();
  await page.keyboard.down("Control");
  // A notch is handled when the browser comes round to it: the next one, and the keys below, wait for that.
  for (const delta of [-100, -100, 100, -100]) {
    const last = await zoom();
    await page.mouse.wheel(0, delta);
    await expect.poll(async () => Math.sign(last - (await zoom()))).toBe(Math.sign(delta));
  }
  await page.keyboard.up("Control");
  const after = await world();
  expect(Math.hypot(after.x - before.x, after.y - before.y)).toBeLessThan(0.5);

  await pane.focus();
  const zooms: [string[], number][] = [
    [["1"], 1],
    [["1", "-", "-"], 0.64],
    [["1", "-", "-", "-"], 0.512],
    [["1", "-", "-", "-", "-"], 0.4096],
    [["1", "+", "+", "+"], 1.953],
  ];
  for (const [keys, expected] of zooms) {
    for (const key of keys) await page.keyboard.press(key);
    await expect.poll(zoom, keys.join(" ")).toBeCloseTo(expected, 2);
    // Looked for and measured in one go: a step that is culled between the two would measure nothing.
    const ports = await page.evaluate(() => {
      const boxes = [...document.querySelectorAll(".step:not([data-culled]) .port")].map((port) => port.getBoundingClientRect());
      return { all: boxes.length, small: boxes.filter((box) => box.width < 23.5 || box.height < 23.5).length };
    });
    expect(ports.all, keys.join(" ")).toBeGreaterThan(0);
    expect(ports.small, keys.join(" ")).toBe(0);
  }
});

test("dragging one step of 1,000 touches that step and its edges", async ({ page, open, server }) => {
  await open("/workflows/new?fixture=1000");
  await expect(page.locator("[data-node]")).toHaveCount(1000);
  const edges = await page.locator("[data-edge]").count();
  expect(edges).toBeGreaterThan(1400);
  // To where there are steps all around.
  await page.mouse.move(...Object.values(await middle(page.getByRole("application"))) as [number, number]);
  await page.mouse.wheel(600, 0);
  await expect(page.locator(".step:not([data-culled])").nth(30)).toBeAttached();

  const target = await page.evaluate(() => {
    const pane = document.querySelector(".canvas-pane")!.getBoundingClientRect();
    const inner = [...document.querySelectorAll<HTMLElement>(".step:not([data-culled])")].find((element) => {
      const box = element.getBoundingClientRect();
      return box.left > pane.left + 40 && box.right < pane.right - 300 && box.top > pane.top + 60 && box.bottom < pane.bottom - 140;
    })!;
    const box = inner.getBoundingClientRect();
    return { id: inner.dataset.node!, x: box.x + box.width / 2, y: box.y + 8 };
  });
  const degree = await page.evaluate(
    (id) => [...document.querySelectorAll<SVGElement>("[data-edge]")].filter((edge) => edge.dataset.edge!.split(">").includes(id)).length,
    target.id,
  );
  await page.evaluate(() => {
    const state = { frames: [] as number[], touched: [] as number[], elements: new Set<Node>() };
    (window as unknown as { measure: typeof state }).measure = state;
    new MutationObserver((records) => records.forEach((record) => state.elements.add(record.target))).observe(document.body, {
      subtree: true, childList: true, attributes: true, characterData: true,
    });
    let last = performance.now();
    const tick = (now: number) => {
      state.frames.push(now - last);
      last = now;
      if (state.elements.size > 0) state.touched.push(state.elements.size);
      state.elements.clear();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  await page.mouse.move(target.x, target.y);
  await page.mouse.down();
  await page.mouse.move(target.x + 20, target.y + 10, { steps: 4 });
  // What the drag itself switches on (the buttons that get out of the way) is over; now the measure.
  await page.evaluate(() => {
    const { measure } = window as unknown as { measure: { frames: number[]; touched: number[] } };
    measure.frames.length = 0;
    measure.touched.length = 0;
  });
  for (let move = 1; move <= 60; move++) await page.mouse.move(target.x + 20 + move * 3, target.y + 10 + move);
  const { frames, touched } = await page.evaluate(() => (window as unknown as { measure: { frames: number[]; touched: number[] } }).measure);
  await page.mouse.up();
  const sorted = [...frames].sort((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)];
  console.log(`1,000 steps, ${edges} edges, degree ${degree}: ${frames.length} frames, p95 ${p95.toFixed(1)} ms, touched ${Math.max(...touched)}`);
  expect(touched.length).toBeGreaterThan(10);
  expect(Math.max(...touched)).toBe(1 + degree);
});
