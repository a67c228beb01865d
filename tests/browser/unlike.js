// Takes rows out of the page that are like others of it, calls `ask`, and puts them back.
//
// Axe looks at element after element. Of hundred rows with the same elements in them it says the same hundred times, and takes
// that long. So of eight and more siblings of one tag a row stays when anything in it is of a kind that does not stand in the
// page before it: of every kind that was there something is left, and `ask` is told of nothing that is not of one.
async ask => {
  const MANY = 8;
  const ROW = /^(TR|LI|OPTION|DIV|DETAILS)$/; // what lies below one another: without it the others keep their width and neighbours
  // what tells one from another without telling what it is: names, words, addresses, places in a drawing
  const FREE = /^(id|href|title|datetime|value|name|label|aria-label|aria-valuetext|data-.*|hx-.*|d|points|transform|[cr]?[xy][12]?|r|width|height|viewBox)$/;
  const POINTS = /^(for|headers|href|aria-(controls|describedby|details|labelledby|owns|activedescendant))$/;
  // axe holds these against one another, wherever they stand; and the focus is not taken away
  const ROLES = ["banner", "complementary", "contentinfo", "form", "heading", "main", "navigation", "region", "search"];
  const APART = ["h1, h2, h3, h4, h5, h6, main, nav, aside, header, footer, form, section, iframe, [accesskey], :focus",
    ...ROLES.map(role => `[role=${role}]`)].join();
  const numbers = new Map();
  const kinds = new Map();
  const seen = new Set();
  const scrolling = [];
  let taken = [];

  const is_there = (name, value) => name === "href"
    ? !value.startsWith("#") || value === "#" || document.getElementById(value.slice(1)) !== null
    : value.split(/\s+/).every(id => document.getElementById(id) !== null);

  const scrolls = element =>
    (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight)
    && /auto|scroll/.test(getComputedStyle(element).overflow);

  function looks(element) {
    if (!element.checkVisibility()) return "unseen";
    if (scrolls(element)) scrolling.push(element);
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    return [style.color, style.backgroundColor, style.backgroundImage, style.fill, style.opacity, style.visibility, style.fontSize, style.fontWeight,
      style.textDecorationLine, style.textShadow, style.position, style.overflowX, style.overflowY, style.cursor,
      box.width === 0, box.height === 0, box.width < 24, box.height < 24].join();
  }

  // by what is above it as well, so that a row that is selected, faulty or of another table is another
  function note(element, above) {
    const said = [above, element.tagName, looks(element)];
    for (const { name, value } of element.attributes) {
      said.push(FREE.test(name) ? `${name} ${value.trim() === ""}` : `${name}=${POINTS.test(name) ? "" : value}`);
      if (POINTS.test(name)) said.push(is_there(name, value));
    }
    const below = [...element.childNodes];
    const words = below.filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data).join("").trim();
    said.push(Math.min([...words].length, 2), [...new Set(below.filter(node => node.nodeType === Node.ELEMENT_NODE).map(node => node.tagName))].sort());
    const kind = said.join("\n");
    if (!numbers.has(kind)) numbers.set(kind, numbers.size);
    kinds.set(element, numbers.get(kind));
    for (const child of element.children) note(child, numbers.get(kind));
  }

  function thin(element) {
    seen.add(kinds.get(element));
    const counts = new Map();
    for (const child of element.children) counts.set(child.tagName, (counts.get(child.tagName) ?? 0) + 1);
    const spare = [];
    for (const child of element.children) {
      const is_row = ROW.test(child.tagName) && counts.get(child.tagName) >= MANY && child !== element.firstElementChild;
      const stands_apart = () => child.matches(APART) || child.querySelector(APART) !== null;
      const is_known = () => [child, ...child.querySelectorAll("*")].every(each => seen.has(kinds.get(each)));
      if (is_row && !stands_apart() && is_known()) spare.push([child, document.createComment("a row")]);
      else thin(child);
    }
    for (const [child, mark] of spare) child.replaceWith(mark);
    taken.push(...spare);
  }

  function put_back(rows) { // unless the page has been renewed meanwhile: then the mark is gone, and the row with it
    for (const [child, mark] of rows) mark.replaceWith(child);
  }

  note(document.body, "");
  thin(document.body);
  for (const element of scrolling.filter(element => !scrolls(element))) { // what has to be scrolled has rules of its own
    put_back(taken.filter(([, mark]) => element.contains(mark)));
    taken = taken.filter(([, mark]) => mark.isConnected);
  }
  try {
    return await ask();
  } finally {
    put_back(taken);
  }
}
