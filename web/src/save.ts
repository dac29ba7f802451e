import { ask } from "./api/client";

/** Offer a file to be saved. */
export function save(name: string, content: Blob | string, type = "text/plain"): void {
  const blob = typeof content === "string" ? new Blob([content], { type }) : content;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Fetch a path of the service with the key and offer it to be saved. */
export async function saveFrom(path: string, name: string): Promise<void> {
  save(name, await (await ask(path)).blob());
}

/** Offer a drawing with its label as SVG; colours are those on the screen. */
export function saveSvg(drawing: SVGSVGElement, label: string, name: string): void {
  save(name, standalone(drawing, label).text, "image/svg+xml");
}

/** Offer a drawing with its label as PNG, large enough for print. */
export async function savePng(drawing: SVGSVGElement, label: string, name: string): Promise<void> {
  const { text, width, height } = standalone(drawing, label);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = SCALE * width;
  canvas.height = SCALE * height;
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => blob && save(name, blob), "image/png");
}

const SCALE = 3;
const EDGE = 12;
const FOOT = 24;
const STYLED = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "opacity",
  "font-size",
  "font-family",
  "font-weight",
  "text-anchor",
];

function standalone(drawing: SVGSVGElement, label: string): { text: string; width: number; height: number } {
  const { width, height } = drawing.viewBox.baseVal;
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const originals = drawing.querySelectorAll<SVGElement>("*");
  copy.querySelectorAll<SVGElement>("*").forEach((each, index) => {
    const original = originals[index];
    if (!original) return;
    const computed = getComputedStyle(original);
    for (const name of STYLED) each.setAttribute(name, computed.getPropertyValue(name));
  });
  const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const [whole, high] = [width + 2 * EDGE, height + EDGE + FOOT];
  copy.setAttribute("viewBox", `${-EDGE} ${-EDGE} ${whole} ${high}`);
  copy.setAttribute("width", String(whole));
  copy.setAttribute("height", String(high));
  copy.prepend(part("rect", { x: -EDGE, y: -EDGE, width: whole, height: high, fill: colour("--surface") }));
  const said = part("text", { x: 0, y: height + 14, fill: colour("--quiet"), "font-size": fontSize(label, width) });
  said.setAttribute("font-family", "sans-serif");
  said.textContent = label;
  copy.append(said);
  return { text: new XMLSerializer().serializeToString(copy), width: whole, height: high };
}

/** The size at which a line fits into a width; letters are about half as wide as high. */
function fontSize(line: string, width: number): number {
  return Math.min(11, (1.9 * width) / Math.max(1, line.length));
}

function part(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
