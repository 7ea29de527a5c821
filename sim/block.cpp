// A block compiled by Verilator behind a C interface: its ports by number, its clock by the cycle.
//
// ports.inc, made from the header of the compiled block, has a line PORT(member) for each port.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "Vblock.h"
#include "verilated.h"

namespace {

template <typename Word>
void store(Word& port, const std::uint32_t* words) {
    std::uint64_t value = words[0];
    if (sizeof(Word) > 4) value |= std::uint64_t{words[1]} << 32;
    port = static_cast<Word>(value);
}

template <std::size_t Words>
void store(VlWide<Words>& port, const std::uint32_t* words) {
    for (std::size_t index = 0; index < Words; ++index) port[index] = words[index];
}

template <typename Word>
void load(const Word& port, std::uint32_t* words) {
    words[0] = static_cast<std::uint32_t>(port);
    if (sizeof(Word) > 4) words[1] = static_cast<std::uint32_t>(std::uint64_t{port} >> 32);
}

template <std::size_t Words>
void load(const VlWide<Words>& port, std::uint32_t* words) {
    for (std::size_t index = 0; index < Words; ++index) words[index] = port[index];
}

struct Port {
    void (*store)(Vblock&, const std::uint32_t*);
    void (*load)(const Vblock&, std::uint32_t*);
};

#define PORT(member)                                                                 \
    {[](Vblock& top, const std::uint32_t* words) { store(top.member, words); },      \
     [](const Vblock& top, std::uint32_t* words) { load(top.member, words); }},
const Port ports[] = {
#include "ports.inc"
};
#undef PORT

struct Block {
    VerilatedContext context;
    Vblock top{&context, "block"};

    // What is recorded in each cycle in which the strobe is high: ports, and the words that each takes.
    struct Recorded {
        unsigned port, words;
    };
    bool records = false;
    unsigned strobe = 0;
    std::vector<Recorded> recorded;
    std::vector<std::uint32_t> record;

    // Ports whose bits are compared after each edge, what they were after the last one, and how many changed.
    std::vector<Recorded> compared;
    std::vector<std::uint32_t> before, after, counts;

    std::uint32_t changed() {
        std::uint32_t* word = after.data();
        for (const auto& each : compared) {
            ports[each.port].load(top, word);
            word += each.words;
        }
        std::uint32_t count = 0;
        for (std::size_t index = 0; index < after.size(); ++index) {
            count += __builtin_popcount(before[index] ^ after[index]);
        }
        before.swap(after);
        return count;
    }

    void cycle() {
        if (records && high(strobe)) {
            for (const auto& each : recorded) {
                record.resize(record.size() + each.words);
                ports[each.port].load(top, record.data() + record.size() - each.words);
            }
        }
        top.clk = 1;
        top.eval();
        if (!compared.empty()) counts.push_back(changed());
        top.clk = 0;
        top.eval();
    }

    bool high(unsigned port) {
        std::uint32_t words[2] = {0, 0};
        ports[port].load(top, words);
        return words[0] != 0;
    }
};

}  // namespace

extern "C" {

Block* block_new() {
    auto* block = new Block;
    block->top.eval();
    return block;
}

void block_delete(Block* block) {
    block->top.final();
    delete block;
}

void block_set(Block* block, unsigned port, const std::uint32_t* words) {
    ports[port].store(block->top, words);
    block->top.eval();
}

void block_get(Block* block, unsigned port, std::uint32_t* words) { ports[port].load(block->top, words); }

void block_tick(Block* block, std::uint64_t cycles) {
    while (cycles--) block->cycle();
}

void block_watch(Block* block, unsigned strobe) {
    block->records = true;
    block->strobe = strobe;
    block->recorded.clear();
    block->record.clear();
}

void block_watch_port(Block* block, unsigned port, unsigned words) {
    block->recorded.push_back({port, words});
}

std::int64_t block_recorded(Block* block) { return block->record.size(); }

// Hands over the record, and starts a new one.
void block_take_record(Block* block, std::uint32_t* words) {
    std::copy(block->record.begin(), block->record.end(), words);
    block->record.clear();
}

// Counts the changed bits of a port, of so many words, with those of the others that were given.
void block_compare(Block* block, unsigned port, unsigned words) {
    block->compared.push_back({port, words});
    block->before.resize(block->before.size() + words);
    block->after.resize(block->before.size());
}

// Counts from the next cycle on.
void block_count(Block* block) {
    block->changed();
    block->counts.clear();
}

std::int64_t block_counted(Block* block) { return block->counts.size(); }

// Hands over the counts of the cycles that have passed, and starts anew.
void block_take_counts(Block* block, std::uint32_t* counts) {
    std::copy(block->counts.begin(), block->counts.end(), counts);
    block->counts.clear();
}

// The functions below return the cycles that they took, or if they gave up, those minus one negated.

// Waits until the port, of one bit, is high, at most `limit` cycles.
std::int64_t block_until(Block* block, unsigned port, std::int64_t limit) {
    std::int64_t cycles = 0;
    for (; !block->high(port); ++cycles) {
        if (cycles == limit) return -cycles - 1;
        block->cycle();
    }
    return cycles;
}

// Has a stream take `count` payloads of `stride` words, each within `limit` cycles.
std::int64_t block_send(Block* block, unsigned valid, unsigned ready, unsigned payload, const std::uint32_t* words,
                        unsigned stride, std::int64_t count, std::int64_t limit) {
    const std::uint32_t one[2] = {1, 0}, zero[2] = {0, 0};
    std::int64_t total = 0;
    bool taken = true;
    for (std::int64_t index = 0; index < count && taken; ++index) {
        ports[payload].store(block->top, words + index * stride);
        ports[valid].store(block->top, one);
        block->top.eval();
        taken = false;
        for (std::int64_t cycles = 0; cycles < limit && !taken; ++cycles, ++total) {
            taken = block->high(ready);
            block->cycle();
        }
    }
    ports[valid].store(block->top, zero);
    block->top.eval();
    return taken ? total : -total - 1;
}
}
