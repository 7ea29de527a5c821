// The compute engine's memories and operations, for the code that sim/microcode.py generates.
//
// Before this text stand the program's sizes and enumerations, after it its contents and its functions
// `foreground` and `background`.

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using Word = std::int64_t;
using Wide = __int128;
using Bits = unsigned __int128;

constexpr Wide wide(std::int64_t high, std::uint64_t low) {
    return static_cast<Wide>(Bits(static_cast<std::uint64_t>(high)) << 64 | low);
}

struct Instruction {
    Operation operation;
    Base base;
    Term term;
    bool negate;
    int shift, x, y, z, length;
    Destination to;
    int target;
};

struct Shape {
    int table, count, start, wraps;
};

extern const Instruction INSTRUCTIONS[];
extern const Shape SHAPES[];
extern const Word TABLE[], INITIAL_WORDS[];
extern const Wide INITIAL_WIDES[];

// What was sent, as numpy reads it.
struct Sent {
    std::int64_t set;
    std::int32_t port, address;
    std::uint64_t low;
    std::int64_t high;
};

// In the order of _COUNTERS in sim/compiled_model.py.
struct Counters {
    std::int64_t sets = 0, overflows = 0, overflow_at = -1, overruns = 0;
    std::int64_t foreground = 0, background = 0, endless_at = -1;
};

struct Model {
    Word words[WORDS];
    Wide wides[WIDES];
    Word arrays[ARRAY_WORDS] = {};
    Counters counters;
    std::vector<Sent> sent;
    const Word* inputs = nullptr;
    // The background: where it goes on (nowhere: -1), from which set on, and what it had.
    int position = -1;
    std::int64_t due = 0, lag = 0, passed = 0;
    Wide accumulator = 0;
    // Most instructions of the background after a set; 0: it is not interrupted.
    std::uint64_t most = 0, random = 0;
};

// --- Operations

// Counts a value that does not fit.
[[gnu::noinline, gnu::cold]] void overflow(Model& m, int at) {
    if (!m.counters.overflows++) m.counters.overflow_at = at;
}

template <int bits>
inline Wide fit(Model& m, int at, Wide value) {
    constexpr Bits half = Bits(1) << (bits - 1);
    if (__builtin_expect((Bits(value) + half) >> bits != 0, 0)) {
        overflow(m, at);
        value = static_cast<Wide>(Bits(value) << (128 - bits)) >> (128 - bits);
    }
    return value;
}

inline Word word(Model& m, int at, Wide value) { return static_cast<Word>(fit<WORD_BITS>(m, at, value)); }

Wide divide(Model& m, int at, Wide numerator, Word denominator, int fraction) {
    if (denominator < 0) {
        overflow(m, at);
        denominator &= (Word(1) << (WORD_BITS - 1)) - 1;
    }
    if (denominator == 0) return 0;
    constexpr int step = 63 - WORD_BITS;  // a remainder shifted by it fits in 64 bits
    const std::uint64_t divisor = denominator;
    const Bits magnitude = numerator < 0 ? -Bits(numerator) : Bits(numerator);
    Bits quotient = magnitude / divisor;
    std::uint64_t remainder = static_cast<std::uint64_t>(magnitude % divisor);
    bool lost = false;
    while (fraction > 0) {
        const int bits = fraction < step ? fraction : step;
        lost |= quotient >> (WIDE_BITS - bits) != 0;
        remainder <<= bits;
        quotient = quotient << bits | remainder / divisor;
        remainder %= divisor;
        fraction -= bits;
    }
    const Bits kept = quotient & ((Bits(1) << WIDE_BITS) - 1);
    const Wide result = fit<WIDE_BITS>(m, at, static_cast<Wide>(numerator < 0 ? -kept : kept));
    if (lost) overflow(m, at);
    return result;
}

Wide root(Wide radicand) {
    if (radicand <= 0) return 0;
    Bits result = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(radicand)));
    while (result * result > Bits(radicand)) --result;
    while ((result + 1) * (result + 1) <= Bits(radicand)) ++result;
    return static_cast<Wide>(result);
}

inline Wide dot(Model& m, int at, int array, int length, Word first, const Shape& shape, Word argument) {
    const Word* ring = m.arrays + array;
    const Word around = length - 1;
    Wide sum = 0;
    if (shape.wraps) {
        for (int tap = 0; tap < shape.count; ++tap) {
            const Word entry = (shape.start + tap * argument) & (shape.wraps - 1);
            sum += static_cast<Wide>(ring[(first + tap) & around]) * TABLE[shape.table + entry];
        }
    } else {
        const Word from = shape.table + argument;
        if (argument < 0 || from + shape.count > TABLE_WORDS) overflow(m, at);
        for (int tap = 0; tap < shape.count; ++tap) {
            const Word entry = (from + tap) & (TABLE_DEPTH - 1);
            sum += static_cast<Wide>(ring[(first + tap) & around]) * TABLE[entry];
        }
    }
    return fit<WIDE_BITS>(m, at, sum);
}

Wide crc(Wide before, Word value) {
    std::uint32_t crc = static_cast<std::uint32_t>(before);
    for (int bit = 0; bit < WORD_BITS; ++bit) {
        const std::uint32_t feedback = (crc ^ static_cast<std::uint32_t>(value >> bit)) & 1;
        crc = crc >> 1 ^ (CRC_POLYNOMIAL & -feedback);
    }
    return crc;
}

inline void store(Model& m, int at, int array, int length, Word index, Wide value) {
    m.arrays[array + (index & (length - 1))] = word(m, at, value);
}

[[gnu::noinline]] void send(Model& m, int port, Word address, Wide value) {
    const auto high = static_cast<std::int64_t>(value >> 64);
    m.sent.push_back({m.counters.sets, port, std::int32_t(address), static_cast<std::uint64_t>(value), high});
}

void start(Model& m, int target) {
    if (m.position >= 0) {
        ++m.counters.overruns;
        return;
    }
    m.position = target;
    m.due = m.counters.sets + m.lag;
    m.accumulator = 0;
    m.passed = 0;
}

inline void most(std::int64_t& counter, std::int64_t passed) {
    if (passed > counter) counter = passed;
}

// Whether a loop has gone on for longer than any has to.
inline bool endless(Model& m, int at, std::int64_t passed) {
    constexpr std::int64_t enough = 100'000'000;
    if (__builtin_expect(passed < enough, 1)) return false;
    m.counters.endless_at = at;
    return true;
}

// --- The program

void foreground(Model& m);
void background(Model& m, int position);

// Runs instructions of the background one by one from where it was interrupted.
void interpret(Model& m, std::uint64_t instructions) {
    Wide a = m.accumulator;
    int at = m.position;
    for (; instructions; --instructions) {
        const Instruction& i = INSTRUCTIONS[at];
        int next = at + 1;
        bool result = true;
        ++m.passed;
        switch (i.operation) {
            case Operation::COMPUTE: {
                const Wide base = i.base == Base::ACCUMULATOR ? a : i.base == Base::WIDE ? m.wides[i.z] : 0;
                const Wide product = static_cast<Wide>(m.words[i.x]) * m.words[i.y];
                const Wide term = i.term == Term::ACCUMULATOR ? a : product;
                a = fit<WIDE_BITS>(m, at, i.negate ? base - term : base + term) >> i.shift;
                break;
            }
            case Operation::LANE: a = m.inputs[i.y]; break;
            case Operation::DIVIDE: a = divide(m, at, a, m.words[i.x], i.y); break;
            case Operation::ROOT: a = root(a); break;
            case Operation::DOT:
                a = dot(m, at, i.target, i.length, m.words[i.x], SHAPES[i.z], m.words[i.y]);
                break;
            case Operation::CRC: a = crc(a, m.words[i.x]); break;
            default: result = false;
        }
        switch (i.operation) {
            case Operation::JUMP: next = i.target; break;
            case Operation::JUMP_IF_NEGATIVE: next = a < 0 ? i.target : next; break;
            case Operation::JUMP_IF_NOT_NEGATIVE: next = a < 0 ? next : i.target; break;
            case Operation::STORE: store(m, at, i.target, i.length, m.words[i.x], a); break;
            case Operation::SEND: send(m, i.z, i.target + m.words[i.x], a); break;
            case Operation::END:
                most(m.counters.background, m.passed);
                m.position = -1;
                return;
            default: break;
        }
        if (result && i.to == Destination::WORD) m.words[i.target] = word(m, at, a);
        if (result && i.to == Destination::WIDE) m.wides[i.target] = a;
        at = next;
    }
    m.accumulator = a;
    m.position = at;
}

// A number from 0 to `most` (SplitMix64).
std::uint64_t random_up_to(Model& m, std::uint64_t most) {
    std::uint64_t value = m.random += 0x9E3779B97F4A7C15;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return (value ^ value >> 31) % (most + 1);
}

}  // namespace

extern "C" {

Model* model_new(std::int64_t lag, std::uint64_t most, std::uint64_t seed) {
    auto* m = new Model;
    for (int cell = 0; cell < WORDS; ++cell) m->words[cell] = INITIAL_WORDS[cell];
    for (int cell = 0; cell < WIDES; ++cell) m->wides[cell] = INITIAL_WIDES[cell];
    m->lag = lag;
    m->most = most;
    m->random = seed;
    return m;
}

void model_delete(Model* m) { delete m; }

Word* model_words(Model* m) { return m->words; }

Wide* model_wides(Model* m) { return m->wides; }

Counters* model_counters(Model* m) { return &m->counters; }

// Runs `count` sample sets; returns how many records were sent.
std::int64_t model_run(Model* m, const Word* inputs, std::int64_t count, std::int64_t width) {
    m->sent.clear();
    for (std::int64_t set = 0; set < count && m->counters.endless_at < 0; ++set) {
        m->inputs = inputs + set * width;
        foreground(*m);
        if (m->position >= 0 && m->most) {
            interpret(*m, random_up_to(*m, m->most));
        } else if (m->position >= 0 && m->counters.sets >= m->due) {
            background(*m, std::exchange(m->position, -1));
        }
        ++m->counters.sets;
    }
    return static_cast<std::int64_t>(m->sent.size());
}

const Sent* model_sent(Model* m) { return m->sent.data(); }
}
