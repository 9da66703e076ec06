// A thousand nodes on the canvas: dragging one touches the node and its edges, nothing else; frames stay short.
import { enter, open } from "../support/people";
import { expect, test } from "../support/test";

test("dragging one of 1,000 nodes touches 1 + degree elements a frame", async ({ page }) => {
  await enter(page);
  await open(page, "/workflows/fixture?fixture=1000");
  await expect(page.locator("[data-node]")).toHaveCount(1_000, { timeout: 30_000 });
  const target = page.locator("[data-node]:not([data-culled]):not([data-kind=trigger])").first();
  const id = await target.getAttribute("data-node");
  const box = (await target.boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 12, y + 12, { steps: 4 });

  // Counted from within the gesture: what changes in each frame, and how long frames take.
  await page.evaluate(() => {
    const seen = ((window as any).seen = { elements: [] as number[], frames: [] as number[], stop: false });
    const root = document.querySelector("[data-testid=editor]") ?? document.body;
    let touched = new Set<Node>();
    const observer = new MutationObserver((records) => {
      for (const record of records) {
        const element = record.target instanceof Element ? record.target : record.target.parentElement;
        const owner = element?.closest("[data-node], [data-edge]");
        touched.add(owner ?? record.target);
      }
    });
    observer.observe(root, { subtree: true, attributes: true, childList: true, characterData: true });
    let last = performance.now();
    const frame = (now: number) => {
      for (const record of observer.takeRecords()) {
        const element = record.target instanceof Element ? record.target : record.target.parentElement;
        touched.add(element?.closest("[data-node], [data-edge]") ?? record.target);
      }
      if (touched.size > 0) seen.elements.push([...touched].filter((n) => n instanceof Element && n.matches("[data-node], [data-edge]")).length);
      touched = new Set();
      seen.frames.push(now - last);
      last = now;
      if (!seen.stop) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  for (let step = 1; step <= 60; step++) await page.mouse.move(x + 12 + step * 2, y + 12 + step);
  const { elements, frames } = await page.evaluate(() => {
    const seen = (window as any).seen;
    seen.stop = true;
    return seen as { elements: number[]; frames: number[] };
  });
  await page.mouse.up();
  const degree = await page.evaluate((id) => {
    const edges = [...document.querySelectorAll("[data-edge]")];
    return edges.filter((edge) => {
      const [from, to] = [edge.getAttribute("data-from"), edge.getAttribute("data-to")];
      return from === id || to === id;
    }).length;
  }, id);
  const sorted = frames.slice(5).sort((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? 0;
  console.log(`1,000 nodes: ${elements.length} frames with changes, at most ${Math.max(...elements)} elements each (degree ${degree}), p95 frame ${p95.toFixed(1)} ms`);
  expect(elements.length).toBeGreaterThan(5);
  expect(degree).toBeGreaterThan(0);
  expect(Math.max(...elements)).toBeLessThanOrEqual(1 + degree);
});
