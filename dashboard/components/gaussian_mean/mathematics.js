/* The example of bir_core/numerics/gaussian_mean.py once more, formula by formula, relative to mu. A browser test holds
   the two against each other. */

const sum = (values) => values.reduce((total, value) => total + value, 0);
const quantile = (sorted, share) => sorted[Math.ceil(share * sorted.length) - 1];

/* Bounds on |mean - mu| that hold with probability 1 - p: as it is, after removal, after alignment. */
function errorBounds({ n, m, delta, aligned }, { sigma, p }) {
  const a = sigma * Math.sqrt(2 * Math.log(2 / p));
  const everything = a / Math.sqrt(n + m);
  const share = m / (n + m);
  return [everything + share * delta, a / Math.sqrt(n), everything + share * aligned];
}

/* The alignment error below which the bound after alignment is the lower one. */
function alignmentLimit({ n, m }, { sigma, p }) {
  const a = sigma * Math.sqrt(2 * Math.log(2 / p));
  return ((m + n) / m) * a * (1 / Math.sqrt(n) - 1 / Math.sqrt(n + m));
}

/* |mean - mu| of every repetition, sorted: as it is, after removal, after alignment. */
function simulatedErrors({ n, m, delta, aligned }, { sigma, draws }) {
  const share = m / (n + m);
  const found = [0, 1, 2].map(() => new Float64Array(draws[0].length));
  draws[0].forEach((draw, at) => {
    const target = (sigma * draw) / Math.sqrt(n);
    const noise = (sigma * draws[1][at]) / Math.sqrt(m);
    found[0][at] = Math.abs((1 - share) * target + share * (noise + delta));
    found[1][at] = Math.abs(target);
    found[2][at] = Math.abs((1 - share) * target + share * (noise + aligned));
  });
  return found.map((errors) => errors.sort());
}

/* Exact expectation of the score of a target and of a shifted sample, and the part of both that the paper omits. */
function expectedScores({ n, m, dn, delta }, { sigma }) {
  const [before, after] = [n + m, n + m + dn];
  const variance = sigma ** 2 * (1 / before - 1 / after);
  return {
    variance,
    target: delta ** 2 * ((m / after) ** 2 - (m / before) ** 2) + variance,
    shifted: delta ** 2 * (((n + dn) / after) ** 2 - (n / before) ** 2) + variance,
  };
}

/* One training set: its two means, and the score of each of its samples. */
function trainingSet({ n, m, dn, delta }, { sigma, draws }) {
  const target = draws[0].slice(0, n).map((draw) => sigma * draw);
  const shifted = draws[1].slice(0, m).map((draw) => sigma * draw + delta);
  const reserved = draws[2].slice(0, dn).map((draw) => sigma * draw);
  const total = sum(target) + sum(shifted);
  const base = total / (n + m);
  const enhanced = (total + sum(reserved)) / (n + m + dn);
  const score = (x) => (enhanced - base) * (enhanced + base - 2 * x);
  return { base, enhanced, score, scores: [target.map(score), shifted.map(score)] };
}
