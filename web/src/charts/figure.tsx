import { type ReactNode, useRef } from "react";
import { savePng, saveSvg } from "../save";

interface Props {
  label: string;
  file: string;
  width: number;
  height: number;
  fixed?: boolean;
  children: ReactNode;
}

const WIDE = 600;

/** A drawing with its label, and files of it; a `fixed` one keeps its size and scrolls. */
export function Figure({ label, file, width, height, fixed = false, children }: Props) {
  const drawing = useRef<SVGSVGElement>(null);
  const save = (write: typeof saveSvg, ending: string) => {
    if (drawing.current) write(drawing.current, label, `${file}.${ending}`);
  };
  return (
    <figure>
      <div className="scroll" tabIndex={fixed ? 0 : undefined} role="group" aria-label={label}>
        <svg
          ref={drawing}
          role="img"
          aria-label={label}
          className={width > WIDE ? "wide" : undefined}
          viewBox={`0 0 ${width} ${height}`}
          {...(fixed && { width, height })}
        >
          {children}
        </svg>
      </div>
      <figcaption className="row">
        {label}
        <span className="push" />
        <button type="button" className="small" onClick={() => save(savePng, "png")}>
          PNG
        </button>
        <button type="button" className="small" onClick={() => save(saveSvg, "svg")}>
          SVG
        </button>
      </figcaption>
    </figure>
  );
}
