import type { Sequence } from "../analyse/input";
import { api, dataOf } from "../api/client";

const BODY = 1 << 20;

/** Embed sequences a request at a time; `tell` hears how many are done. */
export async function embed(
  sequences: Sequence[],
  model: string,
  most: number,
  tell: (done: number) => void,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const group of groups(sequences, most)) {
    const input = group.map(({ bases }) => bases);
    const body = { input, model, encoding_format: "base64" as const, pooling: "mean" as const, strands: "forward" as const };
    const { data } = dataOf(await api.POST("/v1/embeddings", { body }));
    vectors.push(...data.map(({ embedding }) => decoded(String(embedding))));
    tell(vectors.length);
  }
  return vectors;
}

function* groups(sequences: Sequence[], most: number): Generator<Sequence[]> {
  let group: Sequence[] = [];
  let size = 0;
  for (const each of sequences) {
    if (group.length && (group.length >= most || size + each.bases.length > BODY)) {
      yield group;
      [group, size] = [[], 0];
    }
    group.push(each);
    size += each.bases.length;
  }
  if (group.length) yield group;
}

function decoded(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}
