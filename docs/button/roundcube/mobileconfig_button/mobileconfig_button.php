<?php

require_once __DIR__ . '/signed.php';

/**
 * A section of the settings, "Set up my phone", with a button that opens the
 * service for iPhone, iPad and Mac profiles. People don't have to sign in there:
 * this plug-in signs their mailbox.
 */
class mobileconfig_button extends rcube_plugin
{
    public $task = 'settings';

    public function init()
    {
        $this->load_config();
        $this->add_texts('localization/');
        $this->add_hook('settings_actions', [$this, 'settings_actions']);
        $this->register_action('plugin.mobileconfig_button', [$this, 'show']);
    }

    public function settings_actions($args)
    {
        $args['actions'][] = [
            'action' => 'plugin.mobileconfig_button',
            'class' => 'mobileconfig_button',
            'label' => 'title',
            'title' => 'title',
            'domain' => 'mobileconfig_button',
        ];
        return $args;
    }

    public function show()
    {
        $this->register_handler('plugin.body', [$this, 'body']);
        $output = rcmail::get_instance()->output;
        $output->set_pagetitle($this->gettext('title'));
        $output->send('plugin');
    }

    public function body()
    {
        $quote = fn ($text) => htmlspecialchars((string) $text, ENT_QUOTES, 'UTF-8');
        $service = rtrim((string) rcmail::get_instance()->config->get('mobileconfig_service'), '/');
        try {
            $jwt = $this->signed($service);
        } catch (Throwable $e) {
            rcube::write_log('errors', 'mobileconfig_button: ' . $e->getMessage());
            return '<div class="formcontent"><p>' . $quote($this->gettext('unavailable')) . '</p></div>';
        }
        // Roundcube adds the session's token to each form with method="post". It
        // must not be sent elsewhere, so the button sets the method instead.
        return '<div class="formcontent"><p>' . $quote($this->gettext('text')) . '</p>'
            . '<form action="' . $quote($service) . '/start/signed">'
            . '<input type="hidden" name="jwt" value="' . $quote($jwt) . '">'
            . '<button type="submit" formmethod="post" class="button btn btn-primary">' . $quote($this->gettext('title')) . '</button>'
            . '</form></div>';
    }

    /** Signs the mailbox of the signed-in user, never of an identity, which people write themselves. */
    private function signed($service)
    {
        $rcmail = rcmail::get_instance();
        $mailbox = (string) $rcmail->get_user_email();
        $path = (string) $rcmail->config->get('mobileconfig_private_key');
        $key = is_readable($path) ? file_get_contents($path) : false;
        if ($mailbox === '' || $key === false) {
            throw new RuntimeException('no mailbox, or unreadable private key');
        }
        $claims = ['sub' => $mailbox];
        $identity = $rcmail->user->get_identity();
        $claims['name'] = preg_replace('/^(.{0,64}).*$/us', '$1', (string) ($identity['name'] ?? ''));
        $claims['locale'] = str_replace('_', '-', (string) ($_SESSION['language'] ?? ''));
        $claims['return_url'] = (string) $rcmail->config->get('mobileconfig_return_url');
        return mobileconfig_signed([
            'service' => $service,
            'issuer' => $rcmail->config->get('mobileconfig_issuer'),
            'kid' => $rcmail->config->get('mobileconfig_kid'),
            'private_key' => $key,
        ], array_filter($claims, fn ($value) => $value !== null && $value !== ''));
    }
}
