"use strict";
(() => {
  const table = document.getElementById("alleles");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const controls = document.querySelector(".controls");
  const filter = controls.querySelector("input");
  const count = controls.querySelector("output");
  const texts = rows.map((row) => row.textContent.toLowerCase());

  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      shown += !row.hidden;
    });
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
  };

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return "value" in cell.dataset ? cell.dataset.value : cell.textContent;
  };

  // Empty cells stay at the end in both directions.
  const compare = (a, b, numeric, sign) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? a - b : a.localeCompare(b, "en", { numeric: true }));
  };

  const sort = (header) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const column = header.cellIndex;
    const numeric = header.classList.contains("number");
    const keyed = Array.from(body.rows, (row) => [valueOf(row, column), row]);
    keyed.sort((a, b) => compare(a[0], b[0], numeric, descending ? -1 : 1));
    body.append(...keyed.map(([, row]) => row));
  };

  const buttons = Array.from(table.tHead.rows[0].cells, (header) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    button.addEventListener("click", () => sort(header));
    header.replaceChildren(button);
    return [header, button];
  });
  // A heading is repeated on every printed page, but not the buttons in it.
  addEventListener("beforeprint", () => buttons.forEach(([header, button]) => header.replaceChildren(button.textContent)));
  addEventListener("afterprint", () => buttons.forEach(([header, button]) => header.replaceChildren(button)));
  filter.addEventListener("input", show);
  controls.hidden = false;
  show();
})();
