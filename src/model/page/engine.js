/* A trained network in plain JavaScript: its layers computed one after another, as the file describes them. Every value is
 * [channels][height][width]. Sums are made in double and rounded to float where they are stored. */
const engine = (() => {
  "use strict";

  /* Weights as base64 of little-endian floats. */
  function decode(text) {
    const bytes = atob(text), out = new DataView(new ArrayBuffer(bytes.length));
    for (let i = 0; i < bytes.length; i++) out.setUint8(i, bytes.charCodeAt(i));
    const values = new Float32Array(bytes.length / 4);
    for (let i = 0; i < values.length; i++) values[i] = out.getFloat32(4 * i, true);
    return values;
  }

  const sizeOf = layer => layer.channels * layer.height * layer.width;

  /* A value with `margin` of `filling` around each channel. */
  function pad(input, shape, margin, filling) {
    if (!margin) return input;
    const height = shape.height + 2 * margin, width = shape.width + 2 * margin;
    const out = new Float32Array(shape.channels * height * width).fill(filling);
    for (let c = 0; c < shape.channels; c++)
      for (let y = 0; y < shape.height; y++) {
        const from = (c * shape.height + y) * shape.width;
        out.set(input.subarray(from, from + shape.width), (c * height + y + margin) * width + margin);
      }
    return out;
  }

  /* The nine products of a 3x3 kernel are added at once: an output is loaded and stored once for each input channel. */
  function addThreeByThree(out, at, layer, from, begin, pitch, w, k) {
    const w0 = w[k], w1 = w[k + 1], w2 = w[k + 2], w3 = w[k + 3], w4 = w[k + 4], w5 = w[k + 5], w6 = w[k + 6], w7 = w[k + 7], w8 = w[k + 8];
    const { height, width, stride } = layer;
    for (let y = 0; y < height; y++) {
      let a = begin + y * stride * pitch, b = a + pitch, c = b + pitch;
      for (let x = 0; x < width; x++, at++, a += stride, b += stride, c += stride)
        out[at] += w0 * from[a] + w1 * from[a + 1] + w2 * from[a + 2] + w3 * from[b] + w4 * from[b + 1] + w5 * from[b + 2] +
                   w6 * from[c] + w7 * from[c + 1] + w8 * from[c + 2];
    }
  }

  function addKernel(out, at, layer, from, begin, pitch, w, k) {
    const { height, width, stride, kernel } = layer;
    for (let v = 0; v < kernel; v++)
      for (let u = 0; u < kernel; u++, k++)
        for (let y = 0, to = at; y < height; y++)
          for (let x = 0, a = begin + (y * stride + v) * pitch + u; x < width; x++, to++, a += stride) out[to] += w[k] * from[a];
  }

  function conv2d(layer, [input], [shape], weights, out) {
    const padded = pad(input, shape, layer.padding, 0), pitch = shape.width + 2 * layer.padding;
    const plane = pitch * (shape.height + 2 * layer.padding), area = layer.height * layer.width;
    const add = layer.kernel === 3 ? addThreeByThree : addKernel;
    let k = layer.weight;
    for (let o = 0; o < layer.channels; o++) {
      out.fill(layer.bias < 0 ? 0 : weights[layer.bias + o], o * area, (o + 1) * area);
      for (let i = 0; i < shape.channels; i++, k += layer.kernel ** 2) add(out, o * area, layer, padded, i * plane, pitch, weights, k);
    }
  }

  function linear(layer, [input], shapes, weights, out) {
    for (let o = 0, k = layer.weight; o < layer.channels; o++) {
      let sum = layer.bias < 0 ? 0 : weights[layer.bias + o];
      for (let i = 0; i < input.length; i++, k++) sum += weights[k] * input[i];
      out[o] = sum;
    }
  }

  function batchNorm(layer, [input], shapes, weights, out) {
    const area = layer.height * layer.width;
    for (let c = 0, i = 0; c < layer.channels; c++) {
      const scale = weights[layer.weight + c] / Math.sqrt(weights[layer.variance + c] + layer.epsilon);
      const shift = weights[layer.bias + c] - weights[layer.mean + c] * scale;
      for (const end = i + area; i < end; i++) out[i] = input[i] * scale + shift;
    }
  }

  function maxPool(layer, [input], [shape], weights, out) {
    const padded = pad(input, shape, layer.padding, -Infinity), pitch = shape.width + 2 * layer.padding;
    const plane = pitch * (shape.height + 2 * layer.padding);
    for (let c = 0, at = 0; c < layer.channels; c++)
      for (let y = 0; y < layer.height; y++)
        for (let x = 0; x < layer.width; x++, at++) {
          let most = -Infinity;
          for (let v = 0; v < layer.kernel; v++)
            for (let u = 0; u < layer.kernel; u++)
              most = Math.max(most, padded[c * plane + (y * layer.stride + v) * pitch + x * layer.stride + u]);
          out[at] = most;
        }
  }

  function globalPool(layer, [input], [shape], weights, out) {
    const area = shape.height * shape.width;
    for (let c = 0; c < layer.channels; c++) {
      let sum = 0;
      for (let i = c * area; i < (c + 1) * area; i++) sum += input[i];
      out[c] = sum / area;
    }
  }

  /* The narrower of its inputs get zero channels on both sides. */
  function add(layer, inputs, shapes, weights, out) {
    const area = layer.height * layer.width;
    out.fill(0);
    inputs.forEach((input, k) => {
      const first = (layer.channels - shapes[k].channels) / 2 * area;
      for (let i = 0; i < input.length; i++) out[first + i] += input[i];
    });
  }

  function concat(layer, inputs, shapes, weights, out) {
    let at = 0;
    for (const input of inputs) {
      out.set(input, at);
      at += input.length;
    }
  }

  function split(layer, [input], shapes, weights, out) {
    const area = layer.height * layer.width;
    out.set(input.subarray(layer.begin * area, layer.end * area));
  }

  /* Logits to probabilities, `apart` values of one pixel from the next. */
  function softmax(logits, temperature = 1, first = 0, apart = 1, count = logits.length) {
    const out = new Float64Array(count);
    let most = -Infinity, sum = 0;
    for (let k = 0; k < count; k++) most = Math.max(most, logits[first + k * apart]);
    for (let k = 0; k < count; k++) sum += out[k] = Math.exp((logits[first + k * apart] - most) / temperature);
    for (let k = 0; k < count; k++) out[k] /= sum;
    return out;
  }

  function meanProbability(layer, inputs, shapes, weights, out) {
    const area = layer.height * layer.width;
    for (let i = 0; i < area; i++) {
      const sum = new Float64Array(layer.channels);
      for (const input of inputs) softmax(input, 1, i, area, layer.channels).forEach((q, k) => { sum[k] += q / inputs.length; });
      sum.forEach((q, k) => { out[i + k * area] = Math.log(Math.max(q, 2.2250738585072014e-308)); });
    }
  }

  /* erf within 1.2e-7 of its value (Press et al., Numerical Recipes, the rational Chebyshev approximation of erfc). */
  function erf(x) {
    const t = 1 / (1 + 0.5 * Math.abs(x));
    const tail = t * Math.exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
      t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
    return x < 0 ? tail - 1 : 1 - tail;
  }

  const each = f => (layer, [input], shapes, weights, out) => { for (let i = 0; i < out.length; i++) out[i] = f(input[i]); };
  const same = (layer, [input], shapes, weights, out) => out.set(input);

  const kinds = {
    conv2d, linear, batch_norm: batchNorm, max_pool: maxPool, global_pool: globalPool, add, concat, split, mean_probability: meanProbability,
    relu: each(x => (x > 0 ? x : 0)), gelu: each(x => x * 0.5 * (1 + erf(x * Math.SQRT1_2))), silu: each(x => x / (1 + Math.exp(-x))),
    flatten: same, dropout: same
  };

  /* A model ready to answer: its weights decoded, room for each layer's value. */
  function prepare(model) {
    return { ...model, weights: decode(model.weights), values: model.layers.map(layer => new Float32Array(sizeOf(layer))) };
  }

  /* Probabilities of the classes. `pixels`: bytes [side][side][channels], as mixent's data sets are. */
  function classify(model, pixels) {
    const { layers, values, channels } = model, area = model.side ** 2;
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < area; i++) values[0][c * area + i] = (pixels[i * channels + c] / 255 - model.mean[c]) / model.deviation[c];
    for (let l = 1; l < layers.length; l++) {
      const inputs = layers[l].inputs;
      kinds[layers[l].kind](layers[l], inputs.map(i => values[i]), inputs.map(i => layers[i]), model.weights, values[l]);
    }
    return softmax(values[layers.length - 1], model.temperature);
  }

  /* In nats. */
  const entropy = q => -q.reduce((sum, p) => (p > 0 ? sum + p * Math.log(p) : sum), 0);

  return { prepare, classify, entropy };
})();
