import { useEffect, useRef, useState } from "react";
import { api, dataOf, type Job, lineOf, type Profile } from "../api/client";
import { Problem } from "../problem";
import { useSession } from "../session";
import { type Texts } from "../texts/en";
import { useTexts } from "../settings";
import { differences } from "./differences";
import { bare, type Row } from "./table";

const AROUND = 2_000;
const FIRST_VIEW = 60;

interface Props {
  job: Job;
  row: Row;
  rows: Row[];
  profile: Profile | null;
}

/** igv.js around an allele, from what this service has; nothing comes from elsewhere. */
export function Browser({ job, row, rows, profile }: Props) {
  const text = useTexts();
  const { info } = useSession();
  const place = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState("");
  const [ready, setReady] = useState(false);
  const genome = String(job.options["genome"]);
  const annotated = info.genomes.some(({ name, genes }) => name === genome && genes);
  useEffect(() => {
    let late = false;
    const draw = async () => {
      const [{ default: igv }, shown] = await Promise.all([
        import("igv"),
        configOf(genome, annotated, row, rows, profile, text.variant.tracks),
      ]);
      if (late || !place.current) return;
      place.current.replaceChildren();
      await igv.createBrowser(place.current, shown as never);
      setReady(true);
    };
    draw().catch((error: unknown) => !late && setProblem(lineOf(error)));
    const used = place.current;
    return () => {
      late = true;
      used?.replaceChildren();
    };
  }, [genome, annotated, row, rows, profile, text]);
  return (
    <>
      <h3>{text.variant.browser}</h3>
      {problem ? <Problem line={problem} /> : !ready && <p className="quiet">{text.variant.opening}</p>}
      <div className="browser" ref={place} />
    </>
  );
}

async function configOf(
  genome: string,
  annotated: boolean,
  row: Row,
  rows: Row[],
  profile: Profile | null,
  names: Texts["variant"]["tracks"],
) {
  const { contigs } = dataOf(await api.GET("/v1/genomes/{genome}", { params: { path: { genome } } }));
  const chrom = Object.keys(contigs).find((name) => bare(name) === bare(row.chrom)) ?? row.chrom;
  const length = contigs[chrom] ?? row.pos + AROUND;
  const [start, end] = [Math.max(0, row.pos - AROUND), Math.min(length, row.pos + AROUND)];
  const params = { path: { genome }, query: { chrom, start, end } };
  const { bases } = dataOf(await api.GET("/v1/genomes/{genome}/bases", { params }));
  const fasta = `>${chrom}:${start + 1}-${end} @len=${length}\n${bases}\n`;
  const genes = annotated ? dataOf(await api.GET("/v1/genomes/{genome}/genes", { params })).genes : [];
  return {
    reference: { id: genome, name: genome, fastaURL: `data:text/plain;base64,${btoa(fasta)}`, indexed: false },
    locus: `${chrom}:${Math.max(1, row.pos - FIRST_VIEW)}-${row.pos + FIRST_VIEW}`,
    loadDefaultGenomes: false,
    showNavigation: true,
    tracks: [
      ...(genes.length ? [geneTrack(names.genes, genes)] : []),
      wiggle(names.variants, variantsNear(chrom, start, end, rows)),
      ...(profile ? [wiggle(names.difference, perBase(chrom, profile))] : []),
    ],
  };
}

function geneTrack(name: string, genes: { name: string; chrom: string; start: number; end: number; strand: string }[]) {
  const features = genes.map(({ chrom, ...gene }) => ({ ...gene, chr: chrom }));
  return { name, type: "annotation", displayMode: "EXPANDED", height: 60, color: "#0f766e", features };
}

function wiggle(name: string, features: { chr: string; start: number; end: number; value: number }[]) {
  return { name, type: "wig", autoscale: true, height: 80, color: "#1d4ed8", altColor: "#b45309", features };
}

function variantsNear(chrom: string, start: number, end: number, rows: Row[]) {
  return rows
    .filter(({ chrom: other, pos, llr }) => llr !== null && bare(other) === bare(chrom) && pos > start && pos <= end)
    .map(({ pos, ref, llr }) => ({ chr: chrom, start: pos - 1, end: pos - 1 + ref.length, value: llr ?? 0 }))
    .sort((a, b) => a.start - b.start);
}

function perBase(chrom: string, profile: Profile) {
  return differences(profile).map(({ at, value }) => ({ chr: chrom, start: at - 1, end: at, value }));
}
