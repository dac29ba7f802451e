import { api, dataOf, type Gene } from "../api/client";

/** A part of a genome as the service has it, 0-based half-open. */
export interface Span {
  genome: string;
  chrom: string;
  start: number;
  end: number;
  length: number;
  bases: string;
  genes: Gene[];
}

/** A contig's name without `chr`. */
export function bare(chrom: string): string {
  return chrom.replace(/^chr/i, "");
}

/** Bases and genes of a place, as far as its contig goes; `chrom` is as the genome calls it. */
export async function fetchSpan(genome: string, annotated: boolean, place: string, from: number, to: number): Promise<Span> {
  const path = { genome };
  const { contigs } = dataOf(await api.GET("/v1/genomes/{genome}", { params: { path } }));
  const chrom = Object.keys(contigs).find((name) => bare(name) === bare(place)) ?? place;
  const length = contigs[chrom] ?? to;
  const [start, end] = [Math.max(0, from), Math.min(length, to)];
  const params = { path, query: { chrom, start, end } };
  const [{ bases }, { genes }] = await Promise.all([
    api.GET("/v1/genomes/{genome}/bases", { params }).then(dataOf),
    annotated ? api.GET("/v1/genomes/{genome}/genes", { params }).then(dataOf) : { genes: [] },
  ]);
  return { genome, chrom, start, end, length, bases, genes };
}
