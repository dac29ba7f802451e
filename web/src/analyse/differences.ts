import type { Profile } from "../api/client";

/** A base of the reference and how much likelier ALT makes it. */
export interface Difference {
  at: number;
  value: number;
  letter: string;
  name: string;
}

/**
 * log P with ALT − log P with REF at every base that both alleles have, at its 1-based place on the reference.
 *
 * Before the allele the windows are the same bases; behind it they are aligned from their ends. A substituted
 * base compares the two bases.
 */
export function differences({ start, allele_start, ref, alt }: Profile): Difference[] {
  const found: Difference[] = [];
  const longer = alt.bases.length - ref.bases.length;
  for (let here = 0; here < ref.bases.length; here++) {
    const there = here < allele_start ? here : here + longer;
    const before = ref.log_p[here];
    const after = alt.log_p[there];
    if (there < Math.min(here, allele_start) || before == null || after == null) continue;
    const [a, b] = [ref.bases[here] ?? "", alt.bases[there] ?? ""];
    const letter = a === b ? a : b;
    const at = start + here + 1;
    const value = after - before;
    found.push({ at, value, letter, name: `${at.toLocaleString("en")} ${a === b ? a : `${a}>${b}`}: ${value.toFixed(4)}` });
  }
  return found;
}
