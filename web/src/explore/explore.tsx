import { type FormEvent, useEffect, useMemo, useState } from "react";
import { readFasta, type Sequence } from "../analyse/input";
import { lineOf } from "../api/client";
import { Problem } from "../problem";
import { save } from "../save";
import { useSession } from "../session";
import { useTexts } from "../settings";
import { exampleFasta } from "./example";
import { pca, type Plane } from "./pca";
import { type Point, Scatter } from "./scatter";
import { embed } from "./vectors";

interface Embedded {
  sequences: Sequence[];
  vectors: Float32Array[];
}

/** Sequences as points: embedded by the service, laid out here. */
export default function Explore() {
  const text = useTexts();
  const { info, models } = useSession();
  const [words, setWords] = useState("");
  const [done, setDone] = useState<[number, number] | null>(null);
  const [found, setFound] = useState<Embedded | null>(null);
  const [problem, setProblem] = useState("");
  const start = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const model = String(new FormData(event.currentTarget).get("model"));
    setProblem("");
    setFound(null);
    try {
      const sequences = readFasta(words);
      if (!sequences) throw new Error(text.explore.noFasta);
      if (sequences.length < 3) throw new Error(text.explore.few);
      const twice = sequences.find(({ name }, at) => sequences.findIndex((other) => other.name === name) < at);
      if (twice) throw new Error(text.explore.repeated(twice.name));
      setDone([0, sequences.length]);
      const tell = (count: number) => setDone([count, sequences.length]);
      setFound({ sequences, vectors: await embed(sequences, model, info.limits["sequences"] ?? 1, tell) });
    } catch (error) {
      setProblem(lineOf(error));
    } finally {
      setDone(null);
    }
  };
  return (
    <>
      <h1>{text.explore.title}</h1>
      <p className="lead">{text.explore.lead}</p>
      <form className="card" onSubmit={(event) => void start(event)}>
        <label>
          {text.explore.input}
          <textarea
            rows={6}
            spellCheck={false}
            placeholder={text.explore.placeholder}
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
        </label>
        <div className="row">
          <label className="button">
            {text.analyse.choose}
            <input
              className="unseen"
              type="file"
              accept=".fa,.fasta,.txt"
              onChange={(event) => void event.target.files?.[0]?.text().then(setWords)}
            />
          </label>
          <button type="button" onClick={() => setWords(exampleFasta())}>
            {text.explore.example}
          </button>
        </div>
        <div className="fields">
          <label>
            {text.analyse.model}
            <select name="model">
              {models.map(({ id }) => (
                <option key={id}>{id}</option>
              ))}
            </select>
          </label>
        </div>
        <div className="row">
          <button className="main" disabled={done !== null}>
            {text.explore.start}
          </button>
          {done && <span role="status">{text.explore.embedded(...done)}</span>}
        </div>
      </form>
      {problem && <Problem line={problem} />}
      {found && <Map found={found} />}
    </>
  );
}

function Map({ found }: { found: Embedded }) {
  const text = useTexts();
  const [method, setMethod] = useState<"pca" | "umap">("pca");
  const [labels, setLabels] = useState<Record<string, string> | null>(null);
  const plane = usePlane(found.vectors, method);
  const points: Point[] = found.sequences.map(({ name }, index) => ({
    x: plane?.points[index]?.[0] ?? 0,
    y: plane?.points[index]?.[1] ?? 0,
    name,
    label: labels ? (labels[name] ?? text.explore.none) : beginning(name),
  }));
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return (
    <section className="card">
      <div className="row">
        <label>
          {text.explore.method}{" "}
          <select value={method} onChange={(event) => setMethod(event.target.value as "pca" | "umap")}>
            <option value="pca">{text.explore.pca}</option>
            <option value="umap">{text.explore.umap}</option>
          </select>
        </label>
        <span>{text.explore.colour}</span>
        {labels ? (
          <span className="chip">
            {text.explore.labelled(found.sequences.filter(({ name }) => labels[name]).length)}
            <button type="button" aria-label={text.variant.close} onClick={() => setLabels(null)}>
              ×
            </button>
          </span>
        ) : (
          <span className="quiet">{text.explore.prefix}</span>
        )}
        <label className="button" title={text.explore.labelsHint}>
          {text.explore.labels}
          <input
            className="unseen"
            type="file"
            accept=".tsv,.txt"
            onChange={(event) => void event.target.files?.[0]?.text().then((content) => setLabels(labelsIn(content)))}
          />
        </label>
        <span className="push" />
        <button type="button" onClick={() => save("embeddings.csv", csvOf(points, found.vectors), "text/csv")}>
          {text.explore.csv}
        </button>
      </div>
      {plane ? (
        <Scatter points={points} label={text.explore.points(points.length)} file={`map-${method}`} />
      ) : (
        <p className="quiet">{text.loading}</p>
      )}
      {method === "pca" && plane && (
        <p className="quiet">{text.explore.explained(percent(plane.shares[0]), percent(plane.shares[1]))}</p>
      )}
    </section>
  );
}

function usePlane(vectors: Float32Array[], method: "pca" | "umap"): Plane | null {
  const flat = useMemo(() => pca(vectors), [vectors]);
  const [bent, setBent] = useState<Plane | null>(null);
  useEffect(() => {
    setBent(null);
    if (method === "umap") void import("./umap").then(({ umap }) => umap(vectors)).then(setBent);
  }, [vectors, method]);
  return method === "pca" ? flat : bent;
}

function beginning(name: string): string {
  return name.split(/[_|:.-]/)[0] ?? name;
}

function labelsIn(text: string): Record<string, string> {
  return Object.fromEntries(text.split(/\r?\n/).map((line) => [line.split("\t")[0] ?? "", line.split("\t")[1] ?? ""]));
}

function csvOf(points: Point[], vectors: Float32Array[]): string {
  const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
  const columns = [...(vectors[0] ?? [])].map((_, index) => `d${index}`);
  const rows = points.map(({ name, label, x, y }, index) =>
    [quoted(name), quoted(label), x, y, ...(vectors[index] ?? [])].join(","),
  );
  return [["name", "label", "x", "y", ...columns].join(","), ...rows, ""].join("\n");
}
