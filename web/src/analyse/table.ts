import { ask } from "../api/client";

/** One alternative allele of a scored file. */
export interface Row {
  index: number;
  chrom: string;
  pos: number;
  id: string;
  ref: string;
  alt: string;
  llr: number | null;
  flank: number | null;
  pct: number | null;
  status: string;
}

export type Column = Exclude<keyof Row, "index">;

/** Order of rows: a column, and whether it falls. */
export interface Order {
  column: Column;
  falling: boolean;
}

/** A part of a contig, 0-based half-open. */
export interface Place {
  name: string;
  chrom: string;
  start: number;
  end: number;
}

/** Which rows are shown. */
export interface Filter {
  words: string;
  gene: Place | null;
  least: number | null;
  most: number | null;
  scored: boolean;
}

/** The alleles of a finished job in file order. */
export async function fetchRows(jobId: string): Promise<Row[]> {
  return readRows(await (await ask(`/v1/jobs/${jobId}/table`)).text());
}

/** The rows of a table in text; the first line names its columns. */
export function readRows(text: string): Row[] {
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const columns = header.split("\t");
  const at = (name: Column) => columns.indexOf(name);
  const [chrom, pos, id, ref, alt] = [at("chrom"), at("pos"), at("id"), at("ref"), at("alt")];
  const [llr, flank, pct, status] = [at("llr"), at("flank"), at("pct"), at("status")];
  return lines.map((line, index) => {
    const cells = line.split("\t");
    const cell = (column: number) => cells[column] ?? "";
    const value = (column: number) => (cell(column) === "" ? null : Number(cell(column)));
    return {
      index,
      chrom: cell(chrom),
      pos: Number(cell(pos)),
      id: cell(id),
      ref: cell(ref),
      alt: cell(alt),
      llr: value(llr),
      flank: value(flank),
      pct: value(pct),
      status: cell(status),
    };
  });
}

/** The rows that fit, in order; missing values come last either way. */
export function choose(rows: Row[], filter: Filter, order: Order): Row[] {
  const words = filter.words.trim().toLowerCase().replaceAll(",", "");
  const fits = (row: Row) =>
    (!filter.scored || row.llr !== null) &&
    (filter.least === null || (row.llr !== null && row.llr >= filter.least)) &&
    (filter.most === null || (row.llr !== null && row.llr <= filter.most)) &&
    (filter.gene ? isInside(row, filter.gene) : !words || nameOf(row).includes(words));
  const sign = order.falling ? -1 : 1;
  return rows.filter(fits).sort((a, b) => compare(a[order.column], b[order.column], sign) || a.index - b.index);
}

/** The table as text, as it is shown. */
export function textOf(rows: Row[]): string {
  const columns: Column[] = ["chrom", "pos", "id", "ref", "alt", "llr", "flank", "pct", "status"];
  const lines = rows.map((row) => columns.map((column) => row[column] ?? "").join("\t"));
  return [columns.join("\t"), ...lines, ""].join("\n");
}

/** A contig's name without `chr`. */
export function bare(chrom: string): string {
  return chrom.replace(/^chr/i, "");
}

function isInside(row: Row, place: Place): boolean {
  return bare(row.chrom) === bare(place.chrom) && row.pos - 1 < place.end && place.start < row.pos - 1 + row.ref.length;
}

function nameOf(row: Row): string {
  return `${row.id} ${row.chrom}:${row.pos} ${row.ref}>${row.alt} ${row.status}`.toLowerCase();
}

function compare(a: string | number | null, b: string | number | null, sign: number): number {
  if (a === null || b === null || a === "" || b === "") {
    return Number(a === null || a === "") - Number(b === null || b === "");
  }
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
}
