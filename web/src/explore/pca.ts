/** Points in the plane, and the share of the variance on either axis. */
export interface Plane {
  points: [number, number][];
  shares: [number, number];
}

const ROUNDS = 300;

/**
 * The first two principal components of vectors, by power iteration on the Gram matrix with deflation.
 *
 * The start is fixed, so the same vectors give the same map.
 */
export function pca(vectors: Float32Array[]): Plane {
  const gram = gramOf(centred(vectors));
  const count = vectors.length;
  const total = gram.reduce((sum, row, index) => sum + (row[index] ?? 0), 0) || 1;
  const axes = [0, 1].map((which) => {
    const { value, vector } = leading(gram, which);
    for (let i = 0; i < count; i++) {
      const row = gram[i] as Float64Array;
      for (let j = 0; j < count; j++) row[j] = (row[j] ?? 0) - value * (vector[i] ?? 0) * (vector[j] ?? 0);
    }
    return { value, along: vector.map((each) => each * Math.sqrt(Math.max(0, value))) };
  });
  const [first, second] = axes as [(typeof axes)[0], (typeof axes)[0]];
  return {
    points: vectors.map((_, index) => [first.along[index] ?? 0, second.along[index] ?? 0]),
    shares: [first.value / total, second.value / total],
  };
}

function centred(vectors: Float32Array[]): Float64Array[] {
  const size = vectors[0]?.length ?? 0;
  const mean = new Float64Array(size);
  for (const vector of vectors) vector.forEach((value, index) => (mean[index] = (mean[index] ?? 0) + value / vectors.length));
  return vectors.map((vector) => Float64Array.from(vector, (value, index) => value - (mean[index] ?? 0)));
}

function gramOf(rows: Float64Array[]): Float64Array[] {
  const gram = rows.map(() => new Float64Array(rows.length));
  rows.forEach((a, i) => {
    for (let j = 0; j <= i; j++) {
      const b = rows[j] as Float64Array;
      let sum = 0;
      for (let k = 0; k < a.length; k++) sum += (a[k] ?? 0) * (b[k] ?? 0);
      (gram[i] as Float64Array)[j] = sum;
      (gram[j] as Float64Array)[i] = sum;
    }
  });
  return gram;
}

function leading(gram: Float64Array[], which: number): { value: number; vector: Float64Array } {
  let vector = Float64Array.from(gram, (_, index) => Math.sin((index + 1) * (which + 1)));
  let value = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const next = Float64Array.from(gram, (row) => row.reduce((sum, each, j) => sum + each * (vector[j] ?? 0), 0));
    value = Math.hypot(...next);
    if (value < 1e-12) return { value: 0, vector: new Float64Array(gram.length) };
    vector = next.map((each) => each / value);
  }
  return { value, vector };
}
