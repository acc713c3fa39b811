<?php

/*
 * A stub of the parts of Roundcube 1.6 that the plug-in uses. Run it with:
 * php roundcube.php PLUGIN-FOLDER CONFIG-FILE MAILBOX NAME LANGUAGE
 * It prints the section's entry as JSON, a newline, and the page.
 */

error_reporting(E_ALL);
set_error_handler(function ($number, $text, $file, $line) {
    if (error_reporting() & $number) {
        throw new ErrorException($text, 0, $number, $file, $line);
    }
});

[, $folder, $configFile, $mailbox, $name, $language] = $argv;
$_SESSION = ['language' => $language, 'username' => $mailbox];

abstract class rcube_plugin
{
    public $ID;
    public $task;
    public $home;
    public $hooks = [];
    public $actions = [];
    public $handlers = [];

    public function __construct($home)
    {
        $this->ID = get_class($this);
        $this->home = $home;
    }

    abstract public function init();

    public function load_config($fname = 'config.inc.php')
    {
        $config = [];
        include $GLOBALS['configFile'];
        rcmail::get_instance()->config->values += $config;
        return true;
    }

    public function add_texts($dir, $add2client = false)
    {
        foreach (['en_US', $_SESSION['language']] as $language) {
            $labels = [];
            if (is_file("$this->home/$dir$language.inc")) {
                include "$this->home/$dir$language.inc";
            }
            foreach ($labels as $id => $text) {
                rcmail::get_instance()->texts["$this->ID.$id"] = $text;
            }
        }
    }

    public function gettext($p)
    {
        return rcmail::get_instance()->texts["$this->ID.$p"] ?? "[$p]";
    }

    public function add_hook($hook, $callback)
    {
        $this->hooks[$hook] = $callback;
    }

    public function register_action($action, $callback)
    {
        $this->actions[$action] = $callback;
    }

    public function register_handler($name, $callback)
    {
        rcmail::get_instance()->output->handlers[$name] = $callback;
    }
}

class rcube
{
    public $texts = [];
    public $config;
    public $output;
    public $user;
    private static $instance;

    public static function get_instance()
    {
        return self::$instance ??= new rcmail();
    }

    public static function write_log($name, $line)
    {
        fwrite(STDERR, "$name: $line\n");
        return true;
    }

    public function __construct()
    {
        $this->config = new rcube_config();
        $this->output = new rcmail_output_html();
        $this->user = new rcube_user();
    }

    public function get_user_email()
    {
        return $GLOBALS['mailbox'];
    }
}

class rcmail extends rcube
{
}

class rcube_config
{
    public $values = [];

    public function get($name, $def = null)
    {
        return $this->values[$name] ?? $def;
    }
}

class rcube_user
{
    public function get_identity($id = null)
    {
        return ['name' => $GLOBALS['name'], 'email' => 'somebody.else@example.com'];
    }
}

class rcmail_output_html
{
    public $handlers = [];
    private $title = '';

    public function set_pagetitle($title)
    {
        $this->title = $title;
    }

    public function send($templ = null, $exit = true)
    {
        $page = '<title>' . htmlspecialchars($this->title) . '</title>' . call_user_func($this->handlers["$templ.body"], []);
        // As alter_form_tag does.
        echo preg_replace_callback('/<form\s+([^>]+)>/Ui', function ($form) {
            $post = preg_match('/\bmethod="post"/i', $form[1]);
            return $form[0] . ($post ? '<input type="hidden" name="_token" value="the token of the session">' : '');
        }, $page);
    }
}

require "$folder/mobileconfig_button.php";
$plugin = new mobileconfig_button($folder);
$plugin->init();
if ($plugin->task !== 'settings') {
    throw new Exception('not for the settings');
}
$settings = call_user_func($plugin->hooks['settings_actions'], ['actions' => [['action' => 'identities']], 'attrib' => []]);
$entry = end($settings['actions']);
$entry['text'] = rcmail::get_instance()->texts[$entry['domain'] . '.' . $entry['label']];
echo json_encode($entry), "\n";
call_user_func($plugin->actions[$entry['action']]);
