import { useSession } from "./session";
import { fileOf } from "./diagnose/answer";
import { useTexts } from "./settings";

/** What is served here, its limits, and the key. */
export function ServicePage() {
  const all = useTexts();
  const text = all.service;
  const { info, models, signOut } = useSession();
  return (
    <>
      <h1>{text.title}</h1>
      <p className="lead">
        {info.name} {info.version} · {all.researchUse}
      </p>
      <section className="card">
        <h2>{text.models}</h2>
        <ul className="plain">
          {models.map((model) => (
            <li key={model.id}>
              <strong>{model.id}</strong>{" "}
              <span className="quiet">
                {model.architecture} · {text.parameters} {model.parameters.toLocaleString("en")} · {text.context}{" "}
                {model.context_length.toLocaleString("en")} · {text.window} {model.width.toLocaleString("en")} bp
                {model.loaded && ` · ${text.loaded}`}
              </span>
            </li>
          ))}
        </ul>
        <h2>{text.genomes}</h2>
        <ul className="plain">
          {info.genomes.map(({ name, build, genes, transcripts }) => (
            <li key={name}>
              <strong>{name}</strong>{" "}
              <span className="quiet">
                {[build, transcripts ? text.withTranscripts : genes ? text.withGenes : text.withoutGenes].filter(Boolean).join(" · ")}
              </span>
            </li>
          ))}
          {!info.genomes.length && <li className="quiet">{text.none}</li>}
        </ul>
        <h2>{text.heads}</h2>
        <p className="quiet">{info.heads.join(", ") || text.none}</p>
        <h2>{text.fusions}</h2>
        <ul className="plain">
          {info.fusions.map(({ name, labels, dna, language }) => (
            <li key={name}>
              <strong>{all.diagnose.option(name, labels)}</strong>{" "}
              <span className="quiet">{[dna, language].flatMap((base) => (base ? [fileOf(base.name)] : [])).join(" + ")}</span>
            </li>
          ))}
          {!info.fusions.length && <li className="quiet">{text.none}</li>}
        </ul>
        <p>{text.screening[info.screening]}</p>
        <p className="quiet">
          {text.api} <code>/openapi.json</code>
        </p>
      </section>
      <section className="card">
        {signOut ? (
          <button type="button" onClick={signOut}>
            {all.key.out}
          </button>
        ) : (
          <p>{all.key.none}</p>
        )}
        <details>
          <summary>{text.limits}</summary>
          <ul className="plain mono">
            {Object.entries(info.limits).map(([name, value]) => (
              <li key={name}>
                {name} {value.toLocaleString("en")}
              </li>
            ))}
          </ul>
        </details>
      </section>
    </>
  );
}
