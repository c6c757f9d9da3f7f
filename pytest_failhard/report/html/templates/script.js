"use strict";
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const root = document.documentElement;
  for (const part of all("[data-needs-script]")) part.hidden = false;

  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const say = () => { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
  const remembered = () => { try { return localStorage.getItem("failhard-theme"); } catch { return null; } };
  const remember = (name) => { try { localStorage.setItem("failhard-theme", name); } catch { return; } };
  const kept = remembered();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  say();
  dark.addEventListener("change", say);
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    say();
  });

  const unfold = () => {
    const name = location.hash.length > 1 && decodeURIComponent(location.hash.slice(1));
    if (!name) return;
    bring(name);
    const target = document.getElementById(name);
    if (!target) return;
    for (let part = target; part; part = part.parentElement) {
      if (part instanceof HTMLDetailsElement) part.open = true;
    }
    target.scrollIntoView();
  };
  let bring = () => {};
  addEventListener("hashchange", unfold);

  const form = document.getElementById("filter");
  if (!form) { unfold(); return; }
  const count = document.getElementById("filter-count");
  const nothing = document.getElementById("filter-nothing");
  // Of each gate so many rows stand in the page at once: what reads a page aloud, or finds in it, reads all of it.
  const step = 100;
  const groups = all("details[data-gate]").map((folder) => ({
    folder,
    gate: folder.dataset.gate,
    said: folder.querySelector(".matching"),
    whole: folder.querySelector(".matching").textContent,
    wasOpen: folder.open,
    list: folder.querySelector(".findings"),
    more: folder.querySelector(".more"),
    rows: all(".finding", folder).map((row) => ({ row, severity: row.dataset.severity, text: null })),
    matching: [],
    most: step,
  }));
  const total = groups.reduce((sum, group) => sum + group.rows.length, 0);
  const textOf = (entry) => (entry.text ??= entry.row.textContent.toLowerCase());
  const place = (group, most = group.most) => {
    const wanted = group.matching.slice(0, most).map((entry) => entry.row);
    const standing = group.list.children;
    if (wanted.length !== standing.length || wanted.some((row, at) => row !== standing[at])) {
      group.list.replaceChildren(...wanted);
    }
    const left = group.matching.length - wanted.length;
    group.more.hidden = left === 0;
    const [next, rest] = group.more.querySelectorAll("button");
    group.more.querySelector("span").textContent = `${wanted.length} of ${group.matching.length} are shown`;
    next.textContent = `Show ${Math.min(step, left)} more`;
    rest.textContent = `Show all ${group.matching.length}`;
  };
  for (const group of groups) {
    group.matching = group.rows;
    const show = (most) => () => {
      const before = group.list.children.length;
      group.most = most(group);
      place(group);
      const first = group.list.children[before];
      first.tabIndex = -1;
      first.focus({ preventScroll: true });
    };
    const [next, rest] = group.more.querySelectorAll("button");
    next.addEventListener("click", show(() => group.most + step));
    rest.addEventListener("click", show(() => Infinity));
    place(group);
  }
  bring = (name) => {
    for (const group of groups) {
      const at = group.matching.findIndex((entry) => entry.row.id === name);
      if (at < group.most) continue;
      group.most = Math.ceil((at + 1) / step) * step;
      place(group);
    }
  };
  unfold();
  addEventListener("beforeprint", () => { for (const group of groups) if (group.folder.open) place(group, Infinity); });
  addEventListener("afterprint", () => { for (const group of groups) place(group); });
  // Thousands of rows are gone through in slices, between which the page answers; a newer question ends an older one.
  const slice = 16;
  // Gates are unfolded until so many rows are in sight; each of the others says how many match.
  const enough = 200;
  const picture = () => new Promise((drawn) => { requestAnimationFrame(() => setTimeout(drawn)); });
  let newest = 0;
  const asked = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const severities = new Set(all("input[name=severity]:checked", form).map((box) => box.value));
    const gate = form.elements.gate.value;
    const fits = (group, entry) => (gate === "" || gate === group.gate) && severities.has(entry.severity)
      && words.every((word) => textOf(entry).includes(word));
    return { fits, narrowed: words.length > 0 || gate !== "" || severities.size < 3, opens: words.length > 0 || gate !== "" };
  };
  const apply = async () => {
    const mine = ++newest;
    const { fits, narrowed, opens } = asked();
    let shown = 0;
    let since = performance.now();
    for (const group of groups) {
      const matching = [];
      for (const entry of group.rows) {
        if (fits(group, entry)) matching.push(entry);
        if (performance.now() - since < slice) continue;
        await picture();
        if (mine !== newest) return;
        since = performance.now();
      }
      const here = matching.length;
      group.matching = matching;
      place(group);
      const open = group.wasOpen || (opens && here > 0 && shown < enough);
      if (group.folder.hidden !== (here === 0)) group.folder.hidden = here === 0;
      if (group.folder.open !== open) group.folder.open = open;
      const said = narrowed ? `${here} of ${group.rows.length} match` : group.whole;
      if (group.said.textContent !== said) group.said.textContent = said;
      shown += here;
    }
    count.textContent = narrowed ? `${shown} of ${total} findings match` : `${total} findings`;
    nothing.hidden = shown > 0;
  };
  let waiting = 0;
  const first = () => { for (const group of groups) group.most = step; };
  const later = () => { clearTimeout(waiting); first(); waiting = setTimeout(apply, 60); };
  form.addEventListener("input", later);
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  form.addEventListener("reset", () => setTimeout(apply));
  const foldAll = (open) => () => { for (const group of groups) { group.folder.open = open; group.wasOpen = open; } };
  document.getElementById("unfold").addEventListener("click", foldAll(true));
  document.getElementById("fold").addEventListener("click", foldAll(false));
  // The texts are read while nobody waits for an answer.
  const unread = groups.flatMap((group) => group.rows);
  const idle = window.requestIdleCallback || ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 50));
  const read = (deadline) => {
    while (unread.length > 0 && deadline.timeRemaining() > 1) textOf(unread.pop());
    if (unread.length > 0) idle(read);
  };
  idle(read);
  apply();
})();
