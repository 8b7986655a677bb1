// Tables of a state machine: a row for each state, a column for each event.

/** The rows of a table: what each state's name expects, by column. */
export function rowsOf(table: string): Map<string, { [column: string]: string }> {
  const [heads = [], ...rows] = table
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("|").map((text) => text.trim()));
  return new Map(
    rows.map(([name = "", ...cells]) => [
      name,
      Object.fromEntries(cells.map((cell, i) => [heads[i + 1] as string, cell])),
    ]),
  );
}
