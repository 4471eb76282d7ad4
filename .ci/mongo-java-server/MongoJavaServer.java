import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.util.List;

/** Starts mongo-java-server with its data in memory and prints its address. It ends when its input closes. */
public class MongoJavaServer {
  /** The driver refuses servers below wire version 9. */
  private static final MongoVersion VERSION = new MongoVersion() {
    @Override
    public List<Integer> getVersionArray() {
      return List.of(6, 0, 0);
    }

    @Override
    public int getWireVersion() {
      return 17;
    }
  };

  private static class Backend extends MemoryBackend {
    /** mongo-java-server knows the handshake by its former name only. */
    @Override
    public Document handleCommand(Channel channel, String database, String command, Document query) {
      if (!command.equalsIgnoreCase("hello")) return super.handleCommand(channel, database, command, query);
      Document answer = super.handleCommand(channel, database, "ismaster", query);
      answer.put("isWritablePrimary", true);
      return answer;
    }
  }

  public static void main(String[] arguments) throws Exception {
    Backend backend = new Backend();
    backend.version(VERSION);
    MongoServer server = new MongoServer(backend);
    System.out.println(server.bindAndGetConnectionString());
    while (System.in.read() >= 0);
    server.shutdownNow();
  }
}
