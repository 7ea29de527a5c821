// Second-order delta-sigma modulators behind a polyphase interpolator.
#include <cstdint>

namespace {

double clamped(double value, double limit) {
    return value > limit ? limit : value < -limit ? -limit : value;
}

// Four sums, so that the compiler may work on several taps at once and still gives the same everywhere.
double dot(const double* samples, const double* coefficients, int taps) {
    double sums[4] = {0, 0, 0, 0};
    for (int tap = 0; tap < taps; tap += 4)
        for (int part = 0; part < 4; ++part)
            sums[part] += samples[tap + part] * coefficients[tap + part];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

// Writes one byte a modulator period, bit k for lane k, for as long as there are samples; returns how many.
// `signal` holds one lane after the other; `place` is the index of the first sample used, and the rest of the
// position in 1 / numerator of a sample.
extern "C" int64_t delta_sigma_bits(const double* signal, int64_t frames, int lanes, const double* table,
                                    int phases, int taps, int64_t numerator, int64_t denominator,
                                    double limit, int64_t* place, double* state, uint8_t* bits) {
    int64_t count = 0;
    double coefficients[64];
    for (; place[0] + taps <= frames; ++count) {
        const double position = double(place[1]) * phases / numerator;
        const int phase = int(position);
        const double fraction = position - phase;
        const double* row = table + int64_t(phase) * taps;
        for (int tap = 0; tap < taps; ++tap)
            coefficients[tap] = row[tap] + fraction * (row[taps + tap] - row[tap]);
        uint8_t packed = 0;
        for (int lane = 0; lane < lanes; ++lane) {
            const double input = dot(signal + lane * frames + place[0], coefficients, taps);
            double& first = state[2 * lane];
            double& second = state[2 * lane + 1];
            const bool bit = second >= 0;
            const double fed_back = bit ? 1 : -1;
            first = clamped(first + (input - fed_back), limit);
            second = clamped(second + (first - 1.5 * fed_back), limit);
            packed |= uint8_t(bit) << lane;
        }
        bits[count] = packed;
        place[1] += denominator;
        place[0] += place[1] / numerator;
        place[1] %= numerator;
    }
    return count;
}
