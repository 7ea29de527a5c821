// Counts that the estimators of SP 800-90B, section 6.3, are made of, for bits: one bit a byte, 0 or 1.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

constexpr int none = -1;

// What a predictor did: predictions made, right ones, and the longest run of right ones.
struct Score {
    int64_t made = 0, right = 0, run = 0, longest = 0;

    void add(bool correct) {
        made++;
        run = correct ? run + 1 : 0;
        right += correct;
        longest = std::max(longest, run);
    }

    void put(int64_t *result) const {
        result[0] = made;
        result[1] = right;
        result[2] = longest;
    }
};

// Several predictors, of which the one that was right most often is believed.
template <int count> struct Ensemble {
    std::array<int, count> guesses;
    std::array<int64_t, count> points{};
    int winner = 0;
    Score score;

    void see(int bit) {
        score.add(guesses[winner] == bit);
        for (int index = 0; index < count; index++)
            if (guesses[index] == bit && ++points[index] >= points[winner])
                winner = index;
    }
};

// How often 0 and 1 came after each context of a length; entries are counted, as a predictor may have so many.
struct Context {
    std::vector<std::array<int32_t, 2>> counts;
    int64_t entries = 0;
    uint32_t mask;

    explicit Context(int length) : counts(size_t{1} << length), mask((1u << length) - 1) {}

    std::array<int32_t, 2> &at(uint32_t history) { return counts[history & mask]; }
};

} // namespace

// Repetitions of tuples, by a suffix automaton: most[w] times the commonest of w bits, pairs[w] of equal ones.
extern "C" int64_t tuples(const uint8_t *bits, int64_t count, int64_t *most, double *pairs) {
    struct State {
        int32_t next[2], link, length, times;
    };
    std::vector<State> states;
    states.reserve(2 * count + 2);
    states.push_back({{none, none}, none, 0, 0});
    int32_t last = 0;
    for (int64_t place = 0; place < count; place++) {
        int bit = bits[place];
        int32_t added = states.size(), from = last;
        states.push_back({{none, none}, 0, states[last].length + 1, 1});
        for (; from != none && states[from].next[bit] == none; from = states[from].link)
            states[from].next[bit] = added;
        if (from != none) {
            int32_t target = states[from].next[bit];
            if (states[target].length == states[from].length + 1) {
                states[added].link = target;
            } else {
                int32_t clone = states.size();
                State copy = states[target];
                copy.length = states[from].length + 1;
                copy.times = 0;
                states.push_back(copy);
                for (; from != none && states[from].next[bit] == target; from = states[from].link)
                    states[from].next[bit] = clone;
                states[target].link = states[added].link = clone;
            }
        }
        last = added;
    }
    std::vector<int32_t> order(states.size()), start(count + 2, 0);
    for (const State &state : states)
        start[state.length + 1]++;
    for (int64_t length = 0; length <= count; length++)
        start[length + 1] += start[length];
    for (size_t index = 0; index < states.size(); index++)
        order[start[states[index].length]++] = index;
    // A state stands for tuples of several lengths that end at the same places.
    std::fill(most, most + count + 2, 0);
    std::fill(pairs, pairs + count + 2, 0.0);
    int64_t longest = 0;
    for (size_t index = states.size(); index-- > 1;) {
        const State &state = states[order[index]];
        int64_t times = state.times, below = states[state.link].length;
        states[state.link].times += state.times;
        most[state.length] = std::max(most[state.length], times);
        if (times > 1) {
            longest = std::max<int64_t>(longest, state.length);
            pairs[below + 1] += 0.5 * times * (times - 1);
            pairs[state.length + 1] -= 0.5 * times * (times - 1);
        }
    }
    for (int64_t length = count; length-- > 1;)
        most[length] = std::max(most[length], most[length + 1]);
    for (int64_t length = 1; length <= count; length++)
        pairs[length] += pairs[length - 1];
    return longest;
}

// 6.3.7: the commoner bit of each of four windows.
extern "C" void most_common_in_window(const uint8_t *bits, int64_t count, int64_t *result) {
    constexpr int windows[] = {63, 255, 1023, 4095};
    Ensemble<4> ensemble;
    int64_t ones[4] = {};
    for (int64_t place = 0; place < count; place++) {
        if (place >= windows[0]) {
            for (int index = 0; index < 4; index++)
                ensemble.guesses[index] = place < windows[index] ? none : 2 * ones[index] > windows[index];
            ensemble.see(bits[place]);
        }
        for (int index = 0; index < 4; index++) {
            ones[index] += bits[place];
            if (place >= windows[index])
                ones[index] -= bits[place - windows[index]];
        }
    }
    ensemble.score.put(result);
}

// 6.3.8: the bit 1 to 128 before.
extern "C" void lag(const uint8_t *bits, int64_t count, int64_t *result) {
    constexpr int lags = 128;
    Ensemble<lags> ensemble;
    for (int64_t place = 1; place < count; place++) {
        for (int index = 0; index < lags; index++)
            ensemble.guesses[index] = index < place ? bits[place - 1 - index] : none;
        ensemble.see(bits[place]);
    }
    ensemble.score.put(result);
}

// 6.3.9: what came oftenest after the last 1 to 16 bits; at a tie, 1.
extern "C" void markov_models(const uint8_t *bits, int64_t count, int64_t *result) {
    constexpr int depth = 16, most_entries = 100000;
    Ensemble<depth> ensemble;
    std::vector<Context> contexts;
    for (int index = 0; index < depth; index++)
        contexts.emplace_back(index + 1);
    uint32_t history = 0; // the bits before `place`, the last one lowest
    for (int64_t place = 0; place < count; place++) {
        if (place >= 2) {
            for (int index = 0; index < depth; index++) {
                Context &context = contexts[index];
                ensemble.guesses[index] = none;
                if (index <= place - 2) {
                    int32_t &seen = context.at(history >> 1)[history & 1];
                    if (seen || context.entries < most_entries) {
                        context.entries += !seen;
                        seen++;
                    }
                }
                if (index < place) {
                    auto &after = context.at(history);
                    if (after[0] || after[1])
                        ensemble.guesses[index] = after[1] >= after[0];
                }
            }
            ensemble.see(bits[place]);
        }
        history = history << 1 | bits[place];
    }
    ensemble.score.put(result);
}

// 6.3.10: the likeliest continuation of the last 1 to 16 bits in a dictionary of 65536 strings.
extern "C" void dictionary(const uint8_t *bits, int64_t count, int64_t *result) {
    constexpr int depth = 16, most_strings = 65536;
    Score score;
    std::vector<Context> contexts;
    std::vector<std::vector<bool>> known;
    for (int index = 0; index < depth; index++) {
        contexts.emplace_back(index + 1);
        known.emplace_back(size_t{2} << index);
    }
    int64_t strings = 0;
    uint32_t history = 0;
    for (int64_t place = 0; place < count; place++) {
        if (place > depth) {
            int guess = none;
            int32_t highest = 0;
            for (int index = depth; index-- > 0;) {
                Context &context = contexts[index];
                auto seen = known[index][history >> 1 & context.mask];
                if (!seen && strings < most_strings) {
                    seen = true;
                    strings++;
                }
                if (seen)
                    context.at(history >> 1)[history & 1]++;
            }
            for (int index = depth; index-- > 0;) {
                Context &context = contexts[index];
                auto &after = context.at(history);
                int32_t times = std::max(after[0], after[1]);
                if (known[index][history & context.mask] && times > highest) {
                    guess = after[1] >= after[0];
                    highest = times;
                }
            }
            score.add(guess == bits[place]);
        }
        history = history << 1 | bits[place];
    }
    score.put(result);
}
