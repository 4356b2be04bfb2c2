/* What a person draws or drops, made the image that a model reads: bytes [side][side][channels]. */
const picture = (() => {
  "use strict";

  /* Weights of the pixels that make one of `to` pixels out of `from`: a triangle as wide as the larger of the two, in 22 bits behind the
   * point, as Pillow's Image.resize(BILINEAR) and mixent have it. */
  function weigh(i, from, to) {
    const ratio = from / to, support = Math.max(ratio, 1), centre = (i + 0.5) * ratio;
    const begin = Math.trunc(Math.max(centre - support + 0.5, 0)), end = Math.min(Math.trunc(centre + support + 0.5), from);
    const exact = [];
    for (let k = begin; k < end; k++) exact.push(Math.max(0, 1 - Math.abs((k - centre + 0.5) / support)));
    const sum = exact.reduce((a, b) => a + b, 0);
    return { begin, weights: exact.map(w => Math.trunc(0.5 + w / sum * (1 << 22))) };
  }

  /* Along lines, then along columns; rounded to bytes between. `image`: {width, height, channels, bytes}. */
  function scale(image, width, height) {
    const { channels, bytes } = image, narrow = new Uint8Array(width * image.height * channels), out = new Uint8Array(width * height * channels);
    const toByte = sum => Math.min(255, Math.floor((sum + (1 << 21)) / (1 << 22)));
    for (let x = 0; x < width; x++) {
      const { begin, weights } = weigh(x, image.width, width);
      for (let y = 0; y < image.height; y++)
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (let k = 0; k < weights.length; k++) sum += weights[k] * bytes[(y * image.width + begin + k) * channels + c];
          narrow[(y * width + x) * channels + c] = toByte(sum);
        }
    }
    const line = width * channels;
    for (let y = 0; y < height; y++) {
      const { begin, weights } = weigh(y, image.height, height);
      for (let i = 0; i < line; i++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * narrow[(begin + k) * line + i];
        out[y * line + i] = toByte(sum);
      }
    }
    return { width, height, channels, bytes: out };
  }

  /* Half of a difference; of an odd one the even whole number beside it. */
  const half = difference => Math.floor(difference / 2) + (difference % 2 && Math.floor(difference / 2) % 2);

  /* The part of `image` that begins at (left, top), in black where it lies outside. */
  function cut(image, left, top, side) {
    const { channels } = image, out = new Uint8Array(side * side * channels);
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const from = ((y + top) * image.width + x + left) * channels;
        if (x + left < 0 || x + left >= image.width || y + top < 0 || y + top >= image.height) continue;
        for (let c = 0; c < channels; c++) out[(y * side + x) * channels + c] = image.bytes[from + c];
      }
    return out;
  }

  function fit(image, side, how) {
    const { width, height } = image, shorter = Math.min(width, height), longer = Math.max(width, height);
    const even = value => { const floor = Math.floor(value), rest = value - floor; return rest > 0.5 || (rest === 0.5 && floor % 2) ? floor + 1 : floor; };
    let size = [side, side];
    if (how === "crop") size = [Math.floor(side * width / shorter), Math.floor(side * height / shorter)];
    if (how === "pad") size = [Math.max(1, even(width / longer * side)), Math.max(1, even(height / longer * side))];
    const scaled = scale(image, ...size);
    const place = length => (length < side ? -half(side - length) : half(length - side));
    return cut(scaled, place(size[0]), place(size[1]), side);
  }

  const luma = (r, g, b) => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

  /* Red, green, blue and opacity to grey or colour. What shows through is black, or, where the model says "contrast", white behind a dark
   * picture and black behind a light one. */
  function flatten({ width, height, data }, channels, background) {
    let light = 0, opaque = 0;
    for (let i = 0; i < data.length; i += 4) {
      light += data[i + 3] * luma(data[i], data[i + 1], data[i + 2]);
      opaque += data[i + 3];
    }
    const behind = background === "contrast" && opaque && light / opaque < 127.5 ? 255 : 0;
    const bytes = new Uint8Array(width * height * channels);
    for (let i = 0; i < width * height; i++) {
      const a = data[4 * i + 3], shown = c => (a === 255 ? data[4 * i + c] : Math.round((data[4 * i + c] * a + behind * (255 - a)) / 255));
      if (channels === 1) bytes[i] = luma(shown(0), shown(1), shown(2));
      else for (let c = 0; c < 3; c++) bytes[3 * i + c] = shown(c);
    }
    return { width, height, channels, bytes };
  }

  const mean = values => values.reduce((a, b) => a + b, 0) / values.length;

  /* Whether a picture is the negative of what the model learnt from, by its border: mixent_image_is_negative has the same rule. */
  function isNegative(bytes, model) {
    const { side, channels } = model, learnt = mean(model.mean), border = [];
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        if (x === 0 || y === 0 || x === side - 1 || y === side - 1)
          for (let c = 0; c < channels; c++) border.push(bytes[(y * side + x) * channels + c] / 255);
    if (learnt === 0) return false;
    return (learnt < 0.35 && mean(border) > 0.5) || (learnt > 0.65 && mean(border) < 0.5);
  }

  /* The image light on dark or dark on light, as those were that the model learnt from. */
  function turn(bytes, model) {
    const negative = isNegative(bytes, model);
    return { bytes: negative ? bytes.map(value => 255 - value) : bytes, negative };
  }

  /* A picture as the model reads it. */
  const read = (data, model) => turn(fit(flatten(data, model.channels, model.background), model.side, model.fit), model);

  /* Strokes, lists of points [x, y], as EMNIST makes images of its scans (Cohen et al. 2017): what is drawn is cut out, centred in a square
   * with its proportions kept and a border of two pixels of 28, slightly blurred and scaled down. MNIST's digits fill 20 of 28 pixels and
   * lie with their centre of mass in the middle. */
  function rasterise(strokes, model) {
    const { side, channels } = model, fine = 8, digits = /^(mnist|emnist-digits|emnist-mnist)$/.test(model.data);
    const pen = side * fine * 3.2 / 28, reach = (digits ? 20 : 24) / 28 * side * fine - pen;
    const xs = strokes.flat().map(point => point[0]), ys = strokes.flat().map(point => point[1]);
    const left = Math.min(...xs), top = Math.min(...ys), width = Math.max(...xs) - left, height = Math.max(...ys) - top;
    const factor = reach / Math.max(width, height, 1e-9), small = Math.max(width, height) < 1e-9;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side * fine;
    const pencil = canvas.getContext("2d", { willReadFrequently: true });
    const draw = (shiftX, shiftY) => {
      const at = ([x, y]) => (small ? [side * fine / 2, side * fine / 2]
        : [(x - left - width / 2) * factor + side * fine / 2 + shiftX, (y - top - height / 2) * factor + side * fine / 2 + shiftY]);
      pencil.fillStyle = "#000";
      pencil.fillRect(0, 0, side * fine, side * fine);
      pencil.strokeStyle = "#fff";
      pencil.lineWidth = pen;
      pencil.lineCap = pencil.lineJoin = "round";
      for (const stroke of strokes) {
        pencil.beginPath();
        pencil.moveTo(...at(stroke[0]));
        for (const point of stroke.length > 1 ? stroke.slice(1) : stroke) pencil.lineTo(...at(point));
        pencil.stroke();
      }
      return pencil.getImageData(0, 0, side * fine, side * fine);
    };
    let data = draw(0, 0);
    if (digits) data = draw(...toCentreOfMass(data));
    const grey = scale(flatten(data, 1, "black"), side, side).bytes;
    return turn(Uint8Array.from({ length: grey.length * channels }, (_, i) => grey[Math.floor(i / channels)]), model).bytes;
  }

  function toCentreOfMass({ width, height, data }) {
    let sum = 0, x = 0, y = 0;
    for (let i = 0; i < width * height; i++) {
      sum += data[4 * i];
      x += data[4 * i] * (i % width);
      y += data[4 * i] * Math.floor(i / width);
    }
    return [(width - 1) / 2 - x / sum, (height - 1) / 2 - y / sum];
  }

  return { read, rasterise };
})();
