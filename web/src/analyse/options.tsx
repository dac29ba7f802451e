import { useSession } from "../session";
import { useTexts } from "../settings";

/** Options of a scoring job, as the form has them. */
export interface Chosen {
  model: string;
  genome?: string;
  width?: number;
  strands: string;
  indel: string;
  check_ref: string;
  report: boolean;
  consequences: boolean;
}

/** What a form says. */
export function optionsOf(form: HTMLFormElement | null): Chosen {
  const said = new FormData(form ?? undefined);
  const word = (name: string) => String(said.get(name) ?? "");
  return {
    model: word("model"),
    ...(word("genome") && { genome: word("genome") }),
    ...(word("width") && { width: Number(word("width")) }),
    strands: word("strands"),
    indel: word("indel"),
    check_ref: word("check_ref"),
    report: said.has("report"),
    consequences: said.has("consequences"),
  };
}

/** Model, genome, and what most people leave alone. */
export function Options() {
  const text = useTexts().analyse;
  const { info, models } = useSession();
  return (
    <>
      <div className="fields">
        <Choice name="model" label={text.model} values={models.map(({ id }) => [id, id])} />
        <Choice name="genome" label={text.genome} values={info.genomes.map(({ name }) => [name, name])} />
      </div>
      <details>
        <summary>{text.options}</summary>
        <div className="fields">
          <label>
            {text.width}
            <input name="width" type="number" min={8} max={1_048_576} placeholder={text.usual} />
          </label>
          <Choice name="strands" label={text.strands} values={[["both", text.both], ["forward", text.forward]]} />
          <Choice
            name="indel"
            label={text.indel}
            values={[["neutral", text.neutral], ["equal-tokens", text.equalTokens]]}
          />
          <Choice
            name="check_ref"
            label={text.checkRef}
            values={[["warn", text.warn], ["error", text.error], ["exclude", text.exclude]]}
          />
          {info.genomes.some(({ transcripts }) => transcripts) && (
            <label className="check">
              <input name="consequences" type="checkbox" defaultChecked /> {text.consequences}
            </label>
          )}
          <label className="check">
            <input name="report" type="checkbox" defaultChecked /> {text.report}
          </label>
        </div>
      </details>
    </>
  );
}

function Choice({ name, label, values }: { name: string; label: string; values: [string, string][] }) {
  return (
    <label>
      {label}
      <select name={name}>
        {values.map(([value, shown]) => (
          <option key={value} value={value}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
}
