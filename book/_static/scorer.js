/* The search finds chapters first, then the other pages, then the reference of the package. */
var Scorer = {
  score: ([docname, title, anchor, description, score, filename, kind]) =>
    score + (filename && filename.endsWith(".ipynb") ? 40 : 0) - (docname.startsWith("api") ? 40 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
