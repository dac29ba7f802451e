/** What somebody pasted, as what it can be taken for. */
export type Taken =
  | { kind: "vcf"; vcf: string }
  | { kind: "variants"; vcf: string; variants: Variant[] }
  | { kind: "region"; chrom: string; start: number; end: number }
  | { kind: "gene"; name: string }
  | { kind: "sequences"; sequences: Sequence[] };

/** An allele as VCF has it. */
export interface Variant {
  chrom: string;
  pos: number;
  ref: string;
  alt: string;
}

export interface Sequence {
  name: string;
  bases: string;
}

const VARIANT = /^(\w[\w.]*)[:\-\s]\s*([\d,]+)[:\-\s]?\s*([ACGTN]+)\s*[>\-/:\s]\s*([ACGTN]+|<DEL>)$/i;
const REGION = /^(\w[\w.]*):([\d,]+)\s*(?:-|\.\.|–)\s*([\d,]+)$/;
const BASES = /^[ACGTN]+$/i;
const GENE = /^[A-Za-z][\w.-]{0,99}$/;
const SHORTEST_SEQUENCE = 12;

/** What a text is; null where it is nothing the page knows. Positions of texts are 1-based, as people write them. */
export function take(text: string): Taken | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  const [first = ""] = lines;
  if (first.startsWith("##fileformat=VCF") || first.startsWith("#CHROM")) return { kind: "vcf", vcf: text };
  if (first.startsWith(">")) return sequencesIn(lines);
  const region = lines.length === 1 ? REGION.exec(first.trim()) : null;
  if (region) return regionOf(region);
  const variants = lines.map((line) => variantOf(line));
  if (lines.length && variants.every((found) => found !== null)) {
    return { kind: "variants", vcf: vcfOf(variants), variants };
  }
  const joined = lines.map((line) => line.trim()).join("");
  if (BASES.test(joined) && joined.length >= SHORTEST_SEQUENCE) {
    return { kind: "sequences", sequences: [{ name: "1", bases: joined.toUpperCase() }] };
  }
  return lines.length === 1 && GENE.test(first.trim()) ? { kind: "gene", name: first.trim() } : null;
}

/** The sequences of a FASTA; null where it is none. */
export function readFasta(text: string): Sequence[] | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  if (!lines[0]?.startsWith(">")) return null;
  const found: Sequence[] = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (line.startsWith(">")) found.push({ name: line.slice(1).trim().split(/\s+/)[0] ?? "", bases: "" });
    else if (last) last.bases += line.trim().toUpperCase();
  }
  return found.every(({ name, bases }) => name && /^[A-Z]+$/.test(bases)) ? found : null;
}

function sequencesIn(lines: string[]): Taken | null {
  const sequences = readFasta(lines.join("\n"));
  return sequences && { kind: "sequences", sequences };
}

function regionOf([, chrom = "", start, end]: RegExpExecArray): Taken | null {
  const first = numberOf(start) - 1;
  const past = numberOf(end);
  return first >= 0 && past > first ? { kind: "region", chrom, start: first, end: past } : null;
}

/** A variant on one line, such as `chr20:4680251 A>G`. */
export function variantOf(line: string): Variant | null {
  const found = VARIANT.exec(line.trim());
  if (!found) return null;
  const [, chrom = "", pos, ref = "", alt = ""] = found;
  return { chrom, pos: numberOf(pos), ref: ref.toUpperCase(), alt: alt.toUpperCase() };
}

function vcfOf(variants: Variant[]): string {
  const rows = variants.map(({ chrom, pos, ref, alt }) => [chrom, pos, ".", ref, alt, ".", ".", "."].join("\t"));
  const contigs = [...new Set(variants.map(({ chrom }) => `##contig=<ID=${chrom}>`))];
  const columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";
  return [["##fileformat=VCFv4.3"], contigs, [columns], rows, [""]].flat().join("\n");
}

function numberOf(digits: string | undefined): number {
  return Number((digits ?? "").replaceAll(",", ""));
}
