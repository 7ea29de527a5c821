// The harness with files in place of the outside world and the core's handshake as variables that cocotb sees.
// Only those are public. The clocks are main.cpp's.
//
// +samples=FILE   sample sets, each LANES words of 32 bits, most significant byte first, last lane first
// +temperature=T  what the temperature sensor shows, in 1/256 °C
// +samples_wait   no set is presented before the core first waits for an interrupt
// +received=FILE  bytes for the chip's serial line
// +sent=FILE      is written with the bytes from the chip's serial line

`timescale 1fs/1fs

module tb #(
    parameter int LANES = 1,
    parameter int WORD_BITS = 24
) (
    input bit clk,
    input bit metrology_clk,
    output int unsigned status
);
    int unsigned control;  // bit 0: request; from bit 1: command
    int unsigned address;
    int unsigned first_w;
    bit [511:32] rest_w;
    longint unsigned reply;  // status, and above it the first word read
    bit [511:0] words_r;
    assign reply = {words_r[31:0], status};

    int unsigned hold;
    int unsigned sets;
    longint unsigned application_cycles;
    longint unsigned metrology_cycles;

    bit samples_valid, samples_ready, samples_end, samples_wait;
    bit [LANES*WORD_BITS-1:0] samples_payload;
    bit signed [15:0] temperature;
    bit sent_valid;
    byte unsigned sent_payload;
    bit received_valid, received_ready;
    byte unsigned received_payload;

    harness harness (
        .clk(clk),
        .rst(1'b0),
        .metrology_clk(metrology_clk),
        .metrology_rst(1'b0),
        .request(control[0]),
        .command(control[8:1]),
        .address(address),
        .words_w({rest_w, first_w}),
        .status(status[6:0]),
        .words_r(words_r),
        .hold(hold),
        .sets(sets),
        .application_cycles(application_cycles),
        .metrology_cycles(metrology_cycles),
        .samples__payload(samples_payload),
        .samples__valid(samples_valid),
        .samples__ready(samples_ready),
        .samples_end(samples_end),
        .samples_wait(samples_wait),
        .temperature(temperature),
        .console_out__payload(sent_payload),
        .console_out__valid(sent_valid),
        .console_out__ready(1'b1),
        .console_in__payload(received_payload),
        .console_in__valid(received_valid),
        .console_in__ready(received_ready)
    );

    string path;
    int given, samples_file, received_file, sent_file, next_byte;
    bit [LANES*32-1:0] set;

    initial begin
        if ($value$plusargs("temperature=%d", given)) temperature = given[15:0];
        samples_wait = $test$plusargs("samples_wait") != 0;
        if ($value$plusargs("samples=%s", path)) samples_file = $fopen(path, "rb");
        if ($value$plusargs("received=%s", path)) received_file = $fopen(path, "rb");
        if ($value$plusargs("sent=%s", path)) sent_file = $fopen(path, "wb");
    end

    always @(posedge metrology_clk)
        if (samples_file != 0 && !samples_end && (!samples_valid || samples_ready)) begin
            if ($fread(set, samples_file) == LANES * 4) begin
                samples_valid <= 1;
                for (int lane = 0; lane < LANES; lane++)
                    samples_payload[lane*WORD_BITS +: WORD_BITS] <= set[lane*32 +: WORD_BITS];
            end else begin
                samples_valid <= 0;
                samples_end <= 1;
            end
        end

    always @(posedge clk) begin
        if (sent_valid && sent_file != 0) $fwrite(sent_file, "%c", sent_payload);
        if (received_file != 0 && (!received_valid || received_ready)) begin
            next_byte = $fgetc(received_file);
            received_valid <= next_byte >= 0;
            received_payload <= next_byte[7:0];
            if (next_byte < 0) received_file = 0;
        end
    end

    final if (sent_file != 0) $fclose(sent_file);
endmodule
