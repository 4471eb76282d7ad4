/** A connected panel. */
interface Placed {
  /** See `ipNetwork`. */
  readonly network: string;
}

interface Places {
  readonly maxPanels: number;
  readonly maxPanelsPerAddress: number;
}

/**
 * The panel that has no place after a connect: the newest one when its address has more than its share. When all places
 * are taken, the newest panel of the address with the most panels makes room for an address with fewer.
 * @param panels in the order of their connects
 * @returns null when every panel has a place
 */
export function panelWithoutPlace<P extends Placed>(panels: readonly P[], places: Places): P | null {
  const newest = panels.at(-1);
  if (!newest) return null;
  const byNetwork = new Map<string, P[]>();
  for (const panel of panels) {
    const list = byNetwork.get(panel.network);
    if (list) list.push(panel);
    else byNetwork.set(panel.network, [panel]);
  }
  let most = byNetwork.get(newest.network) ?? [];
  if (most.length > places.maxPanelsPerAddress) return newest;
  if (panels.length <= places.maxPanels) return null;
  for (const list of byNetwork.values()) if (list.length > most.length) most = list;
  return most.at(-1) ?? null;
}
