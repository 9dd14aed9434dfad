package client;

import com.google.gson.Gson;
import com.google.gson.annotations.SerializedName;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Map;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** What the program is told. */
final class Told {
    record Account(String jid, String password) {
        String user() {
            return jid.substring(0, jid.indexOf('@'));
        }
    }

    String host;
    int port;
    @SerializedName("tls_port")
    int tlsPort;
    String domain;
    String ca;
    Map<String, Account> accounts;
    String only = "";

    static Told from(String json) {
        return new Gson().fromJson(json, Told.class);
    }

    /** Trust in the authority only, or in what the system trusts, which the authority is not among. */
    X509ExtendedTrustManager trust(boolean authority) throws GeneralSecurityException, IOException {
        KeyStore trusted = null;
        if (authority) {
            trusted = KeyStore.getInstance(KeyStore.getDefaultType());
            trusted.load(null, null);
            try (InputStream file = Files.newInputStream(Path.of(ca))) {
                trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
            }
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        return (X509ExtendedTrustManager) managers.getTrustManagers()[0];
    }
}
