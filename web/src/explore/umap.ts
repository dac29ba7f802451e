import { UMAP } from "umap-js";
import type { Plane } from "./pca";
import { random } from "./random";

const NEIGHBOURS = 15;

/** The vectors laid out so that neighbours stay neighbours; the seed is fixed. */
export async function umap(vectors: Float32Array[]): Promise<Plane> {
  const nNeighbors = Math.max(2, Math.min(NEIGHBOURS, vectors.length - 1));
  const layout = new UMAP({ nComponents: 2, nNeighbors, random: random(1) });
  const points = await layout.fitAsync(vectors.map((vector) => [...vector]));
  return { points: points as [number, number][], shares: [0, 0] };
}
