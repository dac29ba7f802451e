import type { Likelihood } from "../api/client";
import { useTexts } from "../settings";
import type { Sequence } from "./input";

/** How plausible whole sequences are, as a table. */
export function Likelihoods({ sequences, found }: { sequences: Sequence[]; found: Likelihood[] }) {
  const text = useTexts().sequences;
  return (
    <section className="card">
      <h2>{text.title}</h2>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>{text.name}</th>
              <th className="number">{text.bases}</th>
              <th className="number">{text.total}</th>
              <th className="number">{text.mean}</th>
            </tr>
          </thead>
          <tbody>
            {found.map((each, index) => (
              <tr key={index}>
                <td>{sequences[index]?.name}</td>
                <td className="number">{each.bases.toLocaleString()}</td>
                <td className="number">{each.total.toFixed(3)}</td>
                <td className="number">{each.per_base?.toFixed(4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
