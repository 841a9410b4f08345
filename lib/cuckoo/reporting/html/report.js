"use strict";
// Everything on the page can be read without this file. It writes text only, never markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const said = byId("said");

  const theme = byId("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  const addButtons = (within) => {
    for (const code of within.querySelectorAll("code.copy:not([data-copy])")) {
      code.dataset.copy = "";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy-button";
      button.textContent = "copy";
      button.setAttribute("aria-label", "copy " + code.textContent.slice(0, 60));
      code.after(button);
    }
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy-button");
    if (!button) return;
    await copy(button.previousElementSibling.textContent);
    button.textContent = "copied";
    said.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; said.textContent = ""; }, 1500);
  });
  for (const section of document.querySelectorAll("section")) {
    for (const code of section.querySelectorAll("code.copy")) if (!code.closest("details:not([open])")) { addButtons(code.parentElement); }
  }
  document.addEventListener("toggle", (event) => { if (event.target.open) addButtons(event.target); }, true);

  for (const figure of document.querySelectorAll(".gallery figure")) {
    const image = figure.querySelector("img");
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => {
      button.setAttribute("aria-expanded", String(figure.parentElement.classList.toggle("large")));
    });
  }

  const openTarget = () => {
    const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", openTarget);
  openTarget();

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open], .process)")];
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });

  const links = new Map([...document.querySelectorAll(".toc a")].map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const section of document.querySelectorAll("section")) watcher.observe(section);

  const form = byId("call-filter");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  const wanted = byId("call-text"), category = byId("call-category"), failed = byId("call-failed");
  const processes = [...document.querySelectorAll("details.process")].map((details) => ({
    details,
    rows: [...details.querySelectorAll("tbody tr")].map((row) => ({
      row, text: row.textContent.toLowerCase(), category: row.cells[1].textContent, failed: row.classList.contains("failed"),
    })),
  }));
  const names = new Set(processes.flatMap(({ rows }) => rows.map((row) => row.category)));
  for (const name of [...names].sort()) category.add(new Option(name, name));
  const filter = () => {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = words.length || category.value || failed.checked;
    let shown = 0, all = 0;
    for (const { details, rows } of processes) {
      let here = 0;
      for (const each of rows) {
        const fits = (!category.value || each.category === category.value) && (!failed.checked || each.failed)
          && words.every((word) => each.text.includes(word));
        each.row.hidden = !fits;
        here += fits;
      }
      details.hidden = active && !here;
      if (active && here) details.open = true;
      shown += here;
      all += rows.length;
    }
    byId("call-count").textContent = active ? `${shown} of ${all} calls shown here` : `${all} calls`;
  };
  let waiting = 0;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  filter();
})();
