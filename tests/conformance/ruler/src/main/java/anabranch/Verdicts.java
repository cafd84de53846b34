package anabranch;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;

/**
 * What Event Ruler says. Reads one case a line, {@code {"pattern": text, "events": [text, ...]}}, and
 * writes a line for each: {@code invalid: reason}, or a digit for each event, 1 where the pattern matches.
 */
public final class Verdicts {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Verdicts() {}

    public static void main(String[] arguments) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(verdicts(MAPPER.readTree(line)));
        }
        out.flush();
    }

    private static String verdicts(JsonNode given) throws Exception {
        Machine machine = (Machine) Machine.builder().withOverridesForDuplicateRules(false).build();
        try {
            machine.addRule("pattern", given.get("pattern").textValue());
        } catch (JsonProcessingException error) {
            return "invalid: " + firstLine(error.getOriginalMessage());
        } catch (IllegalArgumentException | IOException error) {
            return "invalid: " + firstLine(error.getMessage());
        } catch (RuntimeException error) {
            return "failed: " + error.getClass().getName();
        }
        var verdicts = new StringBuilder();
        for (JsonNode event : given.get("events")) {
            verdicts.append(machine.rulesForJSONEvent(event.textValue()).isEmpty() ? '0' : '1');
        }
        return verdicts.toString();
    }

    private static String firstLine(String text) {
        return text.lines().findFirst().orElse("");
    }
}
