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
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let part = target; part; part = part.parentElement) {
      if (part instanceof HTMLDetailsElement) part.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();

  const form = document.getElementById("filter");
  if (!form) return;
  const count = document.getElementById("filter-count");
  const nothing = document.getElementById("filter-nothing");
  const groups = all("details[data-gate]").map((folder) => ({
    folder,
    gate: folder.dataset.gate,
    wasOpen: folder.open,
    rows: all(".finding", folder).map((row) => ({ row, severity: row.dataset.severity, text: null })),
  }));
  const total = groups.reduce((sum, group) => sum + group.rows.length, 0);
  const textOf = (entry) => (entry.text ??= entry.row.textContent.toLowerCase());
  const apply = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const severities = new Set(all("input[name=severity]:checked", form).map((box) => box.value));
    const gate = form.elements.gate.value;
    const narrowed = words.length > 0 || gate !== "" || severities.size < 3;
    let shown = 0;
    for (const group of groups) {
      let here = 0;
      const open = gate === "" || gate === group.gate;
      for (const entry of group.rows) {
        const match = open && severities.has(entry.severity) && words.every((word) => textOf(entry).includes(word));
        if (entry.row.hidden === match) entry.row.hidden = !match;
        if (match) here += 1;
      }
      group.folder.hidden = here === 0;
      group.folder.open = narrowed ? here > 0 && (words.length > 0 || gate !== "" || group.wasOpen) : group.wasOpen;
      shown += here;
    }
    count.textContent = narrowed ? `${shown} of ${total} findings match` : `${total} findings`;
    nothing.hidden = shown > 0;
  };
  let waiting = 0;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(apply, 80); };
  form.addEventListener("input", later);
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  form.addEventListener("reset", () => setTimeout(apply));
  const foldAll = (open) => () => { for (const group of groups) { group.folder.open = open; group.wasOpen = open; } };
  document.getElementById("unfold").addEventListener("click", foldAll(true));
  document.getElementById("fold").addEventListener("click", foldAll(false));
  apply();
})();
