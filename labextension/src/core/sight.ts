/** What happens around a view: its size, whether it is in sight, and the seconds that pass. */

export interface SightEvents {
  resized(): void;
  seen(isSeen: boolean): void;
  second(): void;
}

/** Tells `events` of what happens around `root`, until the returned function is called. */
export function watchSight(root: HTMLElement, events: SightEvents): () => void {
  const size = new ResizeObserver(() => events.resized());
  size.observe(root);
  const sight = new IntersectionObserver((entries) => events.seen(entries.at(-1)?.isIntersecting ?? true));
  sight.observe(root);
  const timer = setInterval(() => events.second(), 1000);
  return () => {
    size.disconnect();
    sight.disconnect();
    clearInterval(timer);
  };
}
