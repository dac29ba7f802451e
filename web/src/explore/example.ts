import { random } from "./random";

const KINDS: Record<string, string> = { gc: "ACCGGGCCGT", at: "AATTATATCG", repeat: "" };
const EACH = 12;
const LENGTH = 160;

/** Made-up sequences of three kinds: rich in GC, rich in AT, and repeats. */
export function exampleFasta(): string {
  const next = random(7);
  const pick = (letters: string) => letters[Math.floor(next() * letters.length)] ?? "A";
  const drawn = (letters: string, length: number) => Array.from({ length }, () => pick(letters)).join("");
  const records = Object.entries(KINDS).flatMap(([kind, letters]) =>
    Array.from({ length: EACH }, (_, index) => {
      const bases = letters ? drawn(letters, LENGTH) : drawn("ACGT", 4).repeat(LENGTH / 4);
      return `>${kind}_${index + 1}\n${bases}\n`;
    }),
  );
  return records.join("");
}
