/* The page: a field to draw in, pictures that are dropped, pasted or chosen, and what each model says of them. */
(() => {
  "use strict";
  const find = selector => document.querySelector(selector);
  const models = JSON.parse(find("#models").textContent).map(engine.prepare);
  const field = find("#field"), pencil = field.getContext("2d"), results = find("#results"), said = find("#said"), note = find("#note");
  const MOST_SHOWN = 5, size = field.width;
  let strokes = [], source = null; /* source: the picture in place of strokes, as ImageData */
  let pointer = null;              /* the finger, pen or mouse that draws, by its number */
  let asked = 0, took = 0;         /* the timer of the answer to come; milliseconds that the last one took */
  let pen = [size / 2, size / 2], penDown = false; /* of those who draw with the keyboard */

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function bar(share) {
    const made = element("span", { class: "bar" });
    made.style.setProperty("--share", share);
    return made;
  }

  const percent = p => `${(100 * p).toFixed(1)} %`;

  /* A part of the page for each model, filled by `show`. */
  const parts = models.map(model => {
    const seen = element("canvas", { class: "seen", width: model.side, height: model.side, role: "img", "aria-label": `the image that ${model.name} reads` });
    const list = element("ol", { class: "classes" }), facts = element("p", { class: "facts" });
    results.append(element("section", {}, element("h2", {}, model.name), element("p", { class: "about" }, model.about), seen, list, facts));
    return { model, seen, list, facts };
  });

  const longest = Math.max(...models.flatMap(model => model.classes.map(name => name.length)));
  results.style.setProperty("--longest", Math.min(12, longest)); /* in letters: as wide is a column at least */

  function showImage(canvas, bytes, { side, channels }) {
    const context = canvas.getContext("2d"), image = context.createImageData(side, side);
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = bytes[i * channels + (channels === 1 ? 0 : c)];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  function show({ model, seen, list, facts }, bytes) {
    const start = performance.now(), q = engine.classify(model, bytes), took = performance.now() - start;
    const order = [...q.keys()].sort((a, b) => q[b] - q[a]).slice(0, MOST_SHOWN);
    showImage(seen, bytes, model);
    list.replaceChildren(...order.map(k => element("li", {},
      element("span", { class: "class" }, model.classes[k]),
      bar(q[k]),
      element("span", { class: "share" }, percent(q[k])))));
    list.dataset.probabilities = JSON.stringify([...q]);
    facts.textContent = `entropy ${engine.entropy(q).toFixed(2)} of ${Math.log(q.length).toFixed(2)} nats, in ${took.toFixed(0)} ms`;
    facts.dataset.milliseconds = took;
    return `${model.name}: ${model.classes[order[0]]}, ${percent(q[order[0]])}`;
  }

  function empty() {
    for (const { model, seen, list, facts } of parts) {
      showImage(seen, new Uint8Array(model.side ** 2 * model.channels), model);
      list.replaceChildren();
      delete list.dataset.probabilities;
      facts.textContent = "nothing to see yet";
    }
    said.textContent = note.textContent = "";
  }

  function answer() {
    clearTimeout(asked);
    asked = 0;
    if (!source && !strokes.length) return empty();
    const start = performance.now(), negatives = [];
    const answers = parts.map(part => {
      if (!source) return show(part, picture.rasterise(strokes, part.model));
      const { bytes, negative } = picture.read(source, part.model);
      if (negative) negatives.push(part.model.name);
      return show(part, bytes);
    });
    took = performance.now() - start;
    if (pointer === null && !penDown) said.textContent = answers.join("; "); /* once a stroke, not at each of its points */
    const words = "the picture is light where the training images are dark, or dark where these are light; its negative is shown.";
    note.textContent = negatives.length ? `${negatives.join(", ")}: ${words}` : "";
  }

  /* While one draws, at least half of the time goes to drawing. */
  function ask() {
    if (!asked) asked = setTimeout(answer, pointer === null ? 0 : took);
  }

  /* ---- drawing */

  function paint() {
    pencil.fillStyle = "#000";
    pencil.fillRect(0, 0, size, size);
    if (source) {
      const canvas = element("canvas", { width: source.width, height: source.height });
      canvas.getContext("2d").putImageData(source, 0, 0);
      const scale = Math.min(size / source.width, size / source.height);
      pencil.imageSmoothingEnabled = scale < 1;
      pencil.drawImage(canvas, (size - source.width * scale) / 2, (size - source.height * scale) / 2, source.width * scale, source.height * scale);
    }
    pencil.strokeStyle = "#fff";
    pencil.lineWidth = size / 12;
    pencil.lineCap = pencil.lineJoin = "round";
    for (const stroke of strokes) {
      pencil.beginPath();
      pencil.moveTo(...stroke[0]);
      for (const point of stroke.length > 1 ? stroke.slice(1) : stroke) pencil.lineTo(...point);
      pencil.stroke();
    }
    if (document.activeElement === field && field.matches(":focus-visible")) {
      pencil.fillStyle = penDown ? "#f80" : "#888";
      pencil.fillRect(pen[0] - 4, pen[1] - 4, 8, 8);
    }
  }

  function reset(picture = null) {
    pointer = null;
    penDown = false;
    strokes = [];
    source = picture;
    paint();
    answer();
  }

  function begin(point) {
    if (source) strokes = [];
    source = null;
    strokes.push([point]);
    paint();
    ask();
  }

  function go(...points) {
    strokes[strokes.length - 1].push(...points);
    paint();
    ask();
  }

  function place(event) {
    const box = field.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * size, (event.clientY - box.top) / box.height * size];
  }

  field.addEventListener("pointerdown", event => {
    if (event.button || (pointer !== null && !event.isPrimary)) return; /* a second finger */
    pointer = event.pointerId;
    penDown = false;
    if (event.isTrusted) field.setPointerCapture(event.pointerId);
    begin(place(event));
    event.preventDefault();
    field.focus({ focusVisible: false, preventScroll: true });
  });
  field.addEventListener("pointermove", event => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? []; /* all points, where the browser had no time to tell of each */
    go(...(passed.length ? passed : [event]).map(place));
  });
  for (const end of ["pointerup", "pointercancel"])
    field.addEventListener(end, event => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      ask();
    });

  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  field.addEventListener("keydown", event => {
    const step = steps[event.key];
    if (step) {
      pen = pen.map((value, axis) => Math.max(0, Math.min(size, value + step[axis] * size / 28)));
      if (penDown) go([...pen]);
    } else if (event.key === " ") {
      penDown = !penDown;
      if (penDown) {
        begin([...pen]);
        said.textContent = "pen down";
      } else ask();
    } else if (event.key === "Escape" || event.key === "Delete") reset();
    else return;
    event.preventDefault();
    paint();
  });
  for (const change of ["focus", "blur"]) field.addEventListener(change, paint);
  find("#clear").addEventListener("click", () => reset());

  /* ---- pictures */

  const expected = "expected a PNG, JPEG, WebP or BMP file";

  async function take(file) {
    if (!file) {
      note.textContent = `No file is in it; ${expected}.`;
      return;
    }
    try {
      const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
      const context = element("canvas", { width: bitmap.width, height: bitmap.height }).getContext("2d");
      context.drawImage(bitmap, 0, 0);
      reset(context.getImageData(0, 0, bitmap.width, bitmap.height));
    } catch {
      note.textContent = `${file.name}: this browser reads no picture in it; ${expected}.`;
    }
  }

  const fileOf = data => [...data.files].find(file => file.type.startsWith("image/")) || data.files[0];
  find("#file").addEventListener("change", event => {
    if (event.target.files.length) take(event.target.files[0]);
    event.target.value = "";
  });
  document.addEventListener("dragover", event => event.preventDefault());
  document.addEventListener("drop", event => { event.preventDefault(); take(fileOf(event.dataTransfer)); });
  document.addEventListener("paste", event => take(fileOf(event.clipboardData)));

  reset();
})();
