// 07: the same interface from C++17, behind a small class of the program's own.
//
// The headers are C and C++ alike. A batch, rule or result is a plain struct that points into arrays of yours
// and owns nothing, so there is nothing to release: std::vector does that. Build:
//
//   c++ -std=c++17 07_from_cplusplus.cpp $(pkg-config --cflags --libs mixent-loss)
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <mixent/weights.h>
#include <stdexcept>
#include <vector>

namespace {

template <class T> constexpr mixent_type type_of();
template <> constexpr mixent_type type_of<float>() {
  return MIXENT_FLOAT32;
}
template <> constexpr mixent_type type_of<double>() {
  return MIXENT_FLOAT64;
}
template <> constexpr mixent_type type_of<std::int32_t>() {
  return MIXENT_INT32;
}
template <> constexpr mixent_type type_of<std::int64_t>() {
  return MIXENT_INT64;
}

// The vector must outlive the array, which only points at it.
template <class T> mixent_array array_of(const std::vector<T> &values) {
  mixent_array array{};
  array.data = values.data();
  array.type = type_of<T>();
  return array;
}

void check(mixent_status status) {
  if (status == MIXENT_ERROR_ARGUMENT) throw std::invalid_argument(mixent_last_error());
  if (status != MIXENT_OK) throw std::runtime_error(mixent_last_error());
}

template <class T> struct evaluation {
  mixent_loss_result result;
  std::vector<T> gradient;
};

// A loss by name: options, and the state that learning would change.
class loss {
public:
  explicit loss(const mixent_loss_options &options) : options_(options) {
    check(mixent_loss_check(&options_));
    state_ = mixent_loss_start(&options_);
  }

  template <class T, class Label>
  evaluation<T> operator()(const std::vector<T> &logits, const std::vector<Label> &labels) const {
    if (labels.empty() || logits.size() % labels.size() != 0)
      throw std::invalid_argument("there must be as many logits as labels times classes");
    mixent_loss_batch batch{};
    batch.rows = labels.size();
    batch.classes = logits.size() / labels.size();
    batch.logits = array_of(logits);
    batch.labels = array_of(labels);
    const mixent_loss_rule rule = mixent_loss_rule_of(&options_, &state_, 0);
    evaluation<T> out{{}, std::vector<T>(logits.size())};
    out.result.gradient = out.gradient.data();
    check(mixent_loss_evaluate(&batch, &rule, nullptr, &out.result));
    return out;
  }

private:
  mixent_loss_options options_;
  mixent_loss_state state_;
};

} // namespace

int main() try {
  mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_MIN_ENT);
  options.w[1] = 0.1;
  const loss min_ent(options);

  const std::vector<float> logits{2, 1, 0, 0, 3, 1};
  const std::vector<double> precise(logits.begin(), logits.end());
  const auto single = min_ent(logits, std::vector<std::int32_t>{0, 1});
  const auto twice = min_ent(precise, std::vector<std::int64_t>{0, 1});
  std::printf("mixent %s, min-ent with w = (1, 0.1)\n", mixent_version());
  std::printf("  float:  loss %.6f, gradient %.6f %.6f %.6f ...\n", single.result.value, single.gradient[0],
              single.gradient[1], single.gradient[2]);
  std::printf("  double: loss %.6f, gradient %.6f %.6f %.6f ...\n", twice.result.value, twice.gradient[0],
              twice.gradient[1], twice.gradient[2]);
  bool right = std::abs(single.result.value - twice.result.value) < 1e-6;
  for (std::size_t i = 0; i < precise.size(); i++)
    right &= std::abs(single.gradient[i] - twice.gradient[i]) < 1e-6;
  std::printf("  they agree: %s\n", right ? "yes" : "NO");

  // What the C library returns as a status and a message arrives as an exception.
  bool refused = false;
  try {
    min_ent(logits, std::vector<std::int32_t>{0, 7});
  } catch (const std::invalid_argument &error) {
    refused = true;
    std::printf("  label 7 of 3 classes: \"%s\"\n", error.what());
  }
  return !(right && refused);
} catch (const std::exception &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
