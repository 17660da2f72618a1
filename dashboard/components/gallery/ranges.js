/* Selected places of the ranking as stretches [first, last], sorted and apart: a million selected ones cost nothing. */

class Ranges {
  constructor(stretches = []) {
    this.stretches = stretches;
  }

  get size() {
    return this.stretches.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  has(place) {
    return this.stretches.some(([first, last]) => first <= place && place <= last);
  }

  /* With the places from low to high as well. */
  with(low, high) {
    const apart = this.stretches.filter(([first, last]) => last < low - 1 || first > high + 1);
    const touching = this.stretches.filter(([first, last]) => last >= low - 1 && first <= high + 1);
    const joined = [Math.min(low, ...touching.map(([first]) => first)), Math.max(high, ...touching.map(([, last]) => last))];
    return new Ranges([...apart, joined].sort((one, other) => one[0] - other[0]));
  }

  without(place) {
    return new Ranges(
      this.stretches.flatMap(([first, last]) => {
        if (place < first || place > last) return [[first, last]];
        return [[first, place - 1], [place + 1, last]].filter(([low, high]) => low <= high);
      }),
    );
  }
}
