import { ask } from "../api/client";
import { bare } from "../genome/span";
import { en } from "../texts/en";

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
  gene: string;
  consequence: string;
}

export type Column = Exclude<keyof Row, "index">;

/** Every column, in the order in which they are shown. */
const COLUMNS: Column[] = [
  "chrom",
  "pos",
  "id",
  "ref",
  "alt",
  "gene",
  "consequence",
  "llr",
  "flank",
  "pct",
  "status",
];

/** Columns that are shown where any row has something in them. */
const OPTIONAL = new Set<Column>(["id", "gene", "consequence", "pct", "status"]);

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

/** The rows of a table in text; the first line names its columns, of which the last may be missing. */
export function readRows(text: string): Row[] {
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const columns = header.split("\t");
  const at = (name: Column) => columns.indexOf(name);
  const [chrom, pos, id, ref, alt] = [at("chrom"), at("pos"), at("id"), at("ref"), at("alt")];
  const [llr, flank, pct, status] = [at("llr"), at("flank"), at("pct"), at("status")];
  const [gene, consequence] = [at("gene"), at("consequence")];
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
      gene: cell(gene),
      consequence: cell(consequence),
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

/** The columns that say something of these rows. */
export function columnsOf(rows: Row[]): Column[] {
  return COLUMNS.filter((column) => !OPTIONAL.has(column) || rows.some((row) => row[column] !== null && row[column] !== ""));
}

/** Why an allele has no score. */
export type Status = keyof typeof en.results.statuses;

/** Whether a word is one of them. */
export function isStatus(word: string): word is Status {
  return word in en.results.statuses;
}

/** How many rows have each status; those with a score have none. */
export function statusesOf(rows: Row[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { status } of rows) if (status) found.set(status, (found.get(status) ?? 0) + 1);
  return found;
}

/** These rows as text, with every column. */
export function textOf(rows: Row[]): string {
  const lines = rows.map((row) => COLUMNS.map((column) => row[column] ?? "").join("\t"));
  return [COLUMNS.join("\t"), ...lines, ""].join("\n");
}

/** Terms of the Sequence Ontology as words: `missense_variant` → `missense`. */
export function shortened(consequence: string): string {
  return consequence.replaceAll("_variant", "").replaceAll("_", " ").replaceAll("&", ", ");
}

function isInside(row: Row, place: Place): boolean {
  return bare(row.chrom) === bare(place.chrom) && row.pos - 1 < place.end && place.start < row.pos - 1 + row.ref.length;
}

function nameOf(row: Row): string {
  const { id, chrom, pos, ref, alt, status, gene, consequence } = row;
  return `${id} ${chrom}:${pos} ${ref}>${alt} ${status} ${gene} ${consequence} ${consequence.replaceAll("_", " ")}`.toLowerCase();
}

function compare(a: string | number | null, b: string | number | null, sign: number): number {
  if (a === null || b === null || a === "" || b === "") {
    return Number(a === null || a === "") - Number(b === null || b === "");
  }
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
}
