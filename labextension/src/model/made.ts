/** Things that are made of others: the same object as long as what it is made of is the same. */

export class Made<T> {
  readonly #made = new Map<string, { readonly of: readonly unknown[]; readonly thing: T }>();

  /** The thing of that name; made anew only if something that it is made of is another object. */
  of(name: string, of: readonly unknown[], make: () => T): T {
    const known = this.#made.get(name);
    if (known?.of.length === of.length && of.every((each, i) => each === known.of[i])) return known.thing;
    const thing = make();
    this.#made.set(name, { of, thing });
    return thing;
  }

  clear(): void {
    this.#made.clear();
  }
}
