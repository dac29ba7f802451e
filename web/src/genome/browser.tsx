import { useEffect, useRef, useState } from "react";
import { lineOf } from "../api/client";
import { Problem } from "../problem";
import { useSession } from "../session";
import { useTexts } from "../settings";
import { fetchSpan, type Span } from "./span";

/** Values along the genome, 0-based half-open, in ascending order. */
export interface Track {
  name: string;
  values: { start: number; end: number; value: number }[];
}

/** What is in sight, 0-based half-open. */
export type Sight = [start: number, end: number];

interface Props {
  genome: string;
  chrom: string;
  start: number;
  end: number;
  first: Sight;
  tracks: Track[];
  file: string;
  seen?: (sight: Sight) => void;
}

/** What is used of igv.js; its own types leave half of it out. */
interface Igv {
  loadTrack(track: object): Promise<unknown>;
  removeTrackByName(name: string): void;
  on(event: "locuschange", tell: (frames: { start: number; end: number }[]) => void): void;
  savePNGtoFile(name: string): void;
  saveSVGtoFile(name: string): void;
}

/** igv.js over a part of a genome, from what this service has; nothing comes from elsewhere. */
export function GenomeBrowser({ genome, chrom, start, end, first, tracks, file, seen }: Props) {
  const text = useTexts();
  const { info } = useSession();
  const place = useRef<HTMLDivElement>(null);
  const tell = useRef(seen);
  tell.current = seen;
  // Another language shall not close the browser: only tracks are exchanged then.
  const genes = useRef(text.browser.genes);
  const [problem, setProblem] = useState("");
  const [open, setOpen] = useState<{ igv: Igv; span: Span } | null>(null);
  const annotated = info.genomes.some(({ name, genes }) => name === genome && genes);
  const [from, to] = first;
  useEffect(() => {
    let late = false;
    let remove = () => {};
    const draw = async () => {
      const [{ default: igv }, span] = await Promise.all([
        import("igv"),
        fetchSpan(genome, annotated, chrom, start, end),
      ]);
      if (late || !place.current) return;
      const made = await igv.createBrowser(place.current, configOf(span, from, to, genes.current) as never);
      if (late) return igv.removeBrowser(made);
      inLight(place.current);
      remove = () => igv.removeBrowser(made);
      const browser = made as unknown as Igv;
      browser.on("locuschange", ([frame]) => frame && tell.current?.([Math.round(frame.start), Math.round(frame.end)]));
      setOpen({ igv: browser, span });
    };
    draw().catch((error: unknown) => !late && setProblem(lineOf(error)));
    return () => {
      late = true;
      setOpen(null);
      remove();
    };
  }, [genome, annotated, chrom, start, end, from, to]);
  useTracks(open, tracks, setProblem);
  return (
    <>
      <div className="row">
        <h3>{text.browser.title}</h3>
        <span className="push" />
        <button type="button" className="small" disabled={!open} onClick={() => open?.igv.savePNGtoFile(`${file}.png`)}>
          PNG
        </button>
        <button type="button" className="small" disabled={!open} onClick={() => open?.igv.saveSVGtoFile(`${file}.svg`)}>
          SVG
        </button>
      </div>
      {problem ? <Problem line={problem} /> : !open && <p className="quiet">{text.browser.opening}</p>}
      <div className="browser" ref={place} />
    </>
  );
}

/** Keeps the tracks of an open browser those that are wanted; igv takes them one after another. */
function useTracks(open: { igv: Igv; span: Span } | null, tracks: Track[], fail: (line: string) => void) {
  const shown = useRef<{ igv: Igv | null; tracks: Track[]; work: Promise<void> }>({
    igv: null,
    tracks: [],
    work: Promise.resolve(),
  });
  useEffect(() => {
    const now = shown.current;
    if (!open) {
      now.igv = null;
      return;
    }
    if (now.igv !== open.igv) [now.igv, now.tracks] = [open.igv, []];
    const gone = now.tracks.filter((track) => !tracks.includes(track));
    const fresh = tracks.filter((track) => !now.tracks.includes(track));
    now.tracks = tracks;
    now.work = now.work
      .then(async () => {
        for (const { name } of gone) open.igv.removeTrackByName(name);
        for (const track of fresh) await open.igv.loadTrack(wiggle(track, open.span));
      })
      .catch((error: unknown) => {
        if (now.igv === open.igv) fail(lineOf(error));
      });
  }, [open, tracks, fail]);
}

/** igv sets every style back, and with them that its colours are those for a light page. */
function inLight(place: HTMLElement): void {
  place.shadowRoot?.querySelector<HTMLElement>(".igv-container")?.style.setProperty("color-scheme", "light");
}

function configOf(span: Span, from: number, to: number, genes: string) {
  const { genome, chrom, start, end, length, bases } = span;
  const fasta = `>${chrom}:${start + 1}-${end} @len=${length}\n${bases}\n`;
  return {
    reference: { id: genome, name: genome, fastaURL: `data:text/plain;base64,${btoa(fasta)}`, indexed: false },
    locus: `${chrom}:${Math.max(start, from) + 1}-${Math.min(end, to)}`,
    loadDefaultGenomes: false,
    showNavigation: true,
    showSVGButton: false,
    tracks: span.genes.length ? [geneTrack(genes, span)] : [],
  };
}

function geneTrack(name: string, { genes }: Span) {
  const features = genes.map(({ chrom, ...gene }) => ({ ...gene, chr: chrom }));
  return { name, type: "annotation", displayMode: "EXPANDED", height: 60, color: "#0f766e", features };
}

function wiggle({ name, values }: Track, { chrom, start, end }: Span) {
  const features = values
    .filter((each) => each.end > start && each.start < end)
    .map((each) => ({ ...each, chr: chrom }));
  return { name, type: "wig", autoscale: true, height: 80, color: "#1d4ed8", altColor: "#b45309", features };
}
