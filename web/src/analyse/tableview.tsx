import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useTexts } from "../settings";
import { type Column, isStatus, type Order, type Row, shortened } from "./table";

const ROW = 32;
const HEIGHT = 13 * ROW;
const LEAST_ROWS = 4;
const SCROLLBAR = 16;
const SPARE = 6;
const NUMBERS = new Set<Column>(["pos", "llr", "flank", "pct"]);
const WIDTHS: Record<Column, string> = {
  chrom: "4.1em",
  pos: "6.2em",
  id: "minmax(5.4em, 1fr)",
  ref: "4.1em",
  alt: "4.7em",
  gene: "minmax(4.6em, 0.6fr)",
  consequence: "minmax(7.2em, 1.2fr)",
  llr: "4.5em",
  flank: "4.3em",
  pct: "6.2em",
  status: "minmax(7.5em, 1.1fr)",
};

interface Props {
  rows: Row[];
  columns: Column[];
  order: Order;
  setOrder: (order: Order) => void;
  chosen: number | undefined;
  open: (row: Row) => void;
}

/** A table that draws only the rows in sight; arrows move, Enter opens. */
export function TableView({ rows, columns, order, setOrder, chosen, open }: Props) {
  const text = useTexts().results;
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [at, setAt] = useState(0);
  useEffect(() => {
    setAt(0);
    box.current?.scrollTo({ top: 0 });
  }, [rows]);
  const shape = { gridTemplateColumns: columns.map((column) => WIDTHS[column]).join(" ") };
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const seen = rows.slice(first, first + HEIGHT / ROW + 2 * SPARE);
  const move = (to: number) => {
    const row = Math.max(0, Math.min(rows.length - 1, to));
    setAt(row);
    const element = box.current;
    if (!element) return;
    if (row * ROW < element.scrollTop) element.scrollTop = row * ROW;
    if ((row + 2) * ROW > element.scrollTop + HEIGHT) element.scrollTop = (row + 2) * ROW - HEIGHT;
  };
  const pressed = (event: KeyboardEvent) => {
    const page = HEIGHT / ROW - 2;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const step = steps[event.key];
    const row = rows[at];
    if (step) move(at + step);
    else if (event.key === "Home") move(0);
    else if (event.key === "End") move(rows.length - 1);
    else if (event.key === "Enter" && row && event.target === box.current) open(row);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div
        ref={box}
        className="grid"
        role="grid"
        tabIndex={0}
        aria-label={text.title}
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length}
        aria-activedescendant={rows[at] ? `allele-${rows[at].index}` : undefined}
        style={{ height: Math.min(HEIGHT, (1 + Math.max(LEAST_ROWS, rows.length)) * ROW + SCROLLBAR) }}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        onKeyDown={pressed}
      >
        <div className="cells head" role="row" aria-rowindex={1} style={shape}>
          {columns.map((column) => (
            <Head key={column} column={column} order={order} setOrder={setOrder} />
          ))}
        </div>
        <div style={{ height: first * ROW }} role="presentation" />
        {seen.map((row, number) => (
          <div
            key={row.index}
            id={`allele-${row.index}`}
            className="cells"
            style={shape}
            role="row"
            aria-rowindex={first + number + 2}
            aria-selected={row.index === chosen}
            data-at={first + number === at || undefined}
            onClick={() => {
              setAt(first + number);
              open(row);
            }}
          >
            {columns.map((column) => (
              <span
                key={column}
                role="gridcell"
                className={NUMBERS.has(column) ? "number" : ""}
                title={column === "status" && isStatus(row.status) ? text.statuses[row.status] : full(row[column])}
              >
                {shown(row, column)}
              </span>
            ))}
          </div>
        ))}
        <div style={{ height: Math.max(0, rows.length - first - seen.length) * ROW }} role="presentation" />
      </div>
      <p className="quiet">{rows.length ? text.open : text.nothing}</p>
    </>
  );
}

function Head({ column, order, setOrder }: { column: Column } & Pick<Props, "order" | "setOrder">) {
  const text = useTexts().results.columns;
  const mine = order.column === column;
  const sort = mine ? (order.falling ? "descending" : "ascending") : "none";
  return (
    <span role="columnheader" aria-sort={sort} className={NUMBERS.has(column) ? "number" : ""}>
      <button type="button" onClick={() => setOrder({ column, falling: mine && !order.falling })}>
        {text[column]}
        <span aria-hidden="true">{mine ? (order.falling ? " ↓" : " ↑") : ""}</span>
      </button>
    </span>
  );
}

function shown(row: Row, column: Column): string {
  const value = row[column];
  if (value === null) return "–";
  if (column === "pos") return row.pos.toLocaleString("en");
  if (column === "pct") return Number(value).toFixed(1);
  if (column === "consequence") return shortened(row.consequence);
  return typeof value === "number" ? value.toFixed(3) : value;
}

function full(value: string | number | null): string | undefined {
  return typeof value === "string" && value.length > 8 ? value.slice(0, 500) : undefined;
}
