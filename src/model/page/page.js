/* The page: a field to draw in, pictures that are dropped, pasted or chosen, and what each model says of them. */
(() => {
  "use strict";
  const find = selector => document.querySelector(selector);
  const models = JSON.parse(find("#models").textContent).map(engine.prepare);
  const field = find("#field"), pencil = field.getContext("2d"), results = find("#results"), said = find("#said"), note = find("#note");
  const MOST_SHOWN = 5, size = field.width;
  let strokes = [], source = null, drawing = false, asked = false; /* source: the picture in place of strokes, as ImageData */
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

  function clear() {
    for (const { model, seen, list, facts } of parts) {
      showImage(seen, new Uint8Array(model.side ** 2 * model.channels), model);
      list.replaceChildren();
      delete list.dataset.probabilities;
      facts.textContent = "nothing to see yet";
    }
    said.textContent = note.textContent = "";
  }

  function answer() {
    asked = false;
    if (!source && !strokes.length) return clear();
    let negatives = 0;
    said.textContent = parts.map(part => {
      if (!source) return show(part, picture.rasterise(strokes, part.model));
      const { bytes, negative } = picture.read(source, part.model);
      negatives += negative;
      return show(part, bytes);
    }).join("; ");
    note.textContent = negatives ? "The picture is light where the models learnt from dark, or dark where light, so its negative is shown to them." : "";
  }

  function ask() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(answer);
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

  function reset() {
    strokes = [];
    source = null;
    paint();
    answer();
  }

  function begin(point) {
    if (source) reset();
    strokes.push([point]);
    paint();
    ask();
  }

  function go(point) {
    strokes[strokes.length - 1].push(point);
    paint();
    ask();
  }

  function place(event) {
    const box = field.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * size, (event.clientY - box.top) / box.height * size];
  }

  field.addEventListener("pointerdown", event => {
    if (event.button) return;
    drawing = true;
    if (event.isTrusted) field.setPointerCapture(event.pointerId);
    begin(place(event));
    event.preventDefault();
    field.focus({ focusVisible: false, preventScroll: true });
  });
  field.addEventListener("pointermove", event => {
    if (drawing) go(place(event));
  });
  for (const end of ["pointerup", "pointercancel"]) field.addEventListener(end, () => { drawing = false; });

  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  field.addEventListener("keydown", event => {
    const step = steps[event.key];
    if (step) {
      pen = pen.map((value, axis) => Math.max(0, Math.min(size, value + step[axis] * size / 28)));
      if (penDown) go([...pen]);
    } else if (event.key === " ") {
      penDown = !penDown;
      if (penDown) begin([...pen]);
    } else if (event.key === "Escape" || event.key === "Delete") {
      penDown = false;
      reset();
    } else return;
    event.preventDefault();
    paint();
  });
  for (const change of ["focus", "blur"]) field.addEventListener(change, paint);
  find("#clear").addEventListener("click", reset);

  /* ---- pictures */

  async function take(file) {
    if (!file) return;
    try {
      const bitmap = await createImageBitmap(file), canvas = element("canvas", { width: bitmap.width, height: bitmap.height });
      const context = canvas.getContext("2d");
      context.drawImage(bitmap, 0, 0);
      strokes = [];
      source = context.getImageData(0, 0, bitmap.width, bitmap.height);
      paint();
      answer();
    } catch {
      note.textContent = `${file.name}: this browser reads no picture in it; expected a PNG, JPEG, WebP or BMP file.`;
    }
  }

  const fileOf = data => [...data.files].find(file => file.type.startsWith("image/")) || data.files[0];
  find("#file").addEventListener("change", event => { take(event.target.files[0]); event.target.value = ""; });
  document.addEventListener("dragover", event => event.preventDefault());
  document.addEventListener("drop", event => { event.preventDefault(); take(fileOf(event.dataTransfer)); });
  document.addEventListener("paste", event => take(fileOf(event.clipboardData)));

  reset();
})();
