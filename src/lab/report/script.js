/* What answers to those who point at a chart, tap it or reach it by the keyboard: its values, in a tip beside the pointer. The page is
 * whole without this script. Texts reach the tip as text nodes or as copies of the page's own elements, never as HTML. */
(() => {
  "use strict";
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  document.body.append(tip);
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cursor.setAttribute("class", "cursor");
  let shown = null; /* the element whose values the tip shows */

  function element(name, ...children) {
    const made = document.createElement(name);
    made.append(...children);
    return made;
  }

  function hide() {
    tip.hidden = true;
    cursor.remove();
    shown = null;
  }

  /* The tip with that content beside a point of the window, within the window. */
  function show(owner, x, y, ...content) {
    shown = owner;
    tip.replaceChildren(...content);
    tip.hidden = false;
    const box = tip.getBoundingClientRect(), width = document.documentElement.clientWidth, height = window.innerHeight;
    const left = x + 16 + box.width < width ? x + 16 : x - 16 - box.width;
    const top = y + 16 + box.height < height ? y + 16 : y - 16 - box.height;
    tip.style.left = `${Math.max(4, Math.min(left, width - box.width - 4))}px`;
    tip.style.top = `${Math.max(4, top)}px`;
  }

  /* Calls `answer` with the event where a pointer is over an element, and with null where the keyboard reaches it. */
  function answer_to(owner, answer) {
    owner.addEventListener("pointermove", answer);
    owner.addEventListener("pointerdown", answer);
    owner.addEventListener("pointerleave", event => event.pointerType === "mouse" && hide());
    owner.addEventListener("focus", () => owner.matches(":focus-visible") && answer(null));
    owner.addEventListener("blur", hide);
  }
  document.addEventListener("pointerdown", event => shown && !shown.contains(event.target) && hide(), true);
  document.addEventListener("keydown", event => event.key === "Escape" && hide());
  document.addEventListener("scroll", () => shown && !shown.matches(":focus-visible") && hide(), {passive: true});

  /* Charts with a table of values: the row that is nearest to the pointer along the x axis. */
  for (const figure of document.querySelectorAll("figure")) {
    const chart = figure.querySelector("svg[data-area]"), table = figure.querySelector(".values table");
    const [left, right, top, bottom, low, high, least, most] = chart.dataset.area.split(" ").map(Number);
    const heads = [...table.tHead.rows[0].cells], rows = [...table.tBodies[0].rows];
    const places = rows.map(row => Number(row.dataset.x));
    const size = chart.viewBox.baseVal;
    let at = rows.length - 1; /* the row that the keyboard is at */

    /* `value`: where the pointer is on the y axis; the nearest of several variants stands out. NaN: not known. */
    const tell = (index, x, y, value) => {
      at = index;
      const place = left + (places[index] - low) / (high - low) * (right - left);
      for (const [name, number] of [["x1", place], ["x2", place], ["y1", top], ["y2", bottom]]) cursor.setAttribute(name, number);
      chart.append(cursor);
      const list = document.createElement("dl");
      let nearest = Infinity, best = null;
      [...rows[index].cells].forEach((cell, column) => {
        if (!column || !cell.textContent || getComputedStyle(heads[column]).display === "none") return;
        const name = element("dt", ...[...heads[column].childNodes].map(node => node.cloneNode(true)));
        list.append(name, element("dd", cell.textContent));
        const away = Math.abs(parseFloat(cell.textContent.replace("−", "-")) - value);
        if (away < nearest) [nearest, best] = [away, name];
      });
      if (best && heads.length > 2 && heads[1].className) best.className = "nearest";
      show(chart, x, y, element("b", `${heads[0].textContent} ${rows[index].cells[0].textContent}`), list);
    };
    const tell_by_keyboard = () => {
      const box = chart.getBoundingClientRect();
      tell(at, box.left + box.width / 2, box.top + box.height / 2, NaN);
    };
    chart.tabIndex = 0;
    answer_to(chart, event => {
      if (!event) return tell_by_keyboard();
      const box = chart.getBoundingClientRect();
      const place = low + ((event.clientX - box.left) / box.width * size.width - left) / (right - left) * (high - low);
      const value = most - ((event.clientY - box.top) / box.height * size.height - top) / (bottom - top) * (most - least);
      let index = 0;
      places.forEach((x, i) => { if (Math.abs(x - place) < Math.abs(places[index] - place)) index = i; });
      tell(index, event.clientX, event.clientY, value);
    });
    chart.addEventListener("keydown", event => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!step) return;
      event.preventDefault();
      at = Math.max(0, Math.min(rows.length - 1, at + step));
      tell_by_keyboard();
    });
  }

  /* Intervals: what their title says, line by line. */
  for (const chart of document.querySelectorAll("svg.interval[role=img]")) {
    const title = chart.querySelector("title"), lines = title.textContent.split("\n");
    title.remove();
    chart.tabIndex = 0;
    answer_to(chart, event => {
      const box = chart.getBoundingClientRect();
      show(chart, event ? event.clientX : box.left + box.width / 2, event ? event.clientY : box.bottom,
           element("b", lines[0]), ...lines.slice(1).map(line => element("div", line)));
    });
  }

  /* Confusion matrices: the cell in words. */
  for (const matrix of document.querySelectorAll(".matrix")) {
    const said = [...matrix.tHead.rows[0].cells].map(cell => cell.title);
    answer_to(matrix, event => {
      const cell = event && event.target.closest("td");
      if (!cell) return hide();
      const row = cell.parentNode, count = Number(cell.dataset.n || 0), all = Number(row.dataset.n);
      show(matrix, event.clientX, event.clientY, element("b", `true ${row.cells[0].title}, said ${said[cell.cellIndex]}`),
           element("div", `${count} of ${all}: ${all ? (100 * count / all).toFixed(2) : 0} %`));
    });
  }

  /* All variants at once, or none, to begin from. */
  const legend = document.querySelector(".legend");
  if (legend)
    for (const [name, checked] of [["all", true], ["none", false]]) {
      const button = element("button", name);
      button.type = "button";
      button.addEventListener("click", () => legend.querySelectorAll("input").forEach(box => { box.checked = checked; }));
      legend.append(button);
    }

  /* Paper folds nothing away. */
  const folded = () => document.querySelectorAll("details.verdict:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => { hide(); opened = [...folded()]; opened.forEach(part => { part.open = true; }); });
  addEventListener("afterprint", () => opened.forEach(part => { part.open = false; }));
})();
